package main

// New views: how long until a new order or a new filter of all rows is on the screen, and what a key that is pressed
// right after it takes to be answered.

import (
	"fmt"
	"strings"
	"time"
)

// patience is how long a new view is waited for; one that does not come is reported as having taken so long.
const patience = 2 * time.Second

// change is a new view that is asked for.
type change struct {
	keys  string
	shown func(before, now []string, head string) bool
}

// reordered says that most lines are others than before, under a title that has the sign of the order.
func reordered(title string) func(before, now []string, head string) bool {
	return func(before, now []string, head string) bool {
		others := 0
		for i := range now {
			if now[i] != before[i] {
				others++
			}
		}
		return strings.Contains(head, title) && others >= len(now)*4/5
	}
}

// only says that there are rows and that all of them have a word.
func only(word string) func(before, now []string, head string) bool {
	return func(_, now []string, _ string) bool {
		rows := 0
		for _, line := range now {
			if line != "" {
				if rows++; !strings.Contains(line, word) {
					return false
				}
			}
		}
		return rows > 0
	}
}

// more says that there are rows again that do not have the word.
func more(word string) func(before, now []string, head string) bool {
	return func(before, now []string, head string) bool { return now[0] != "" && !only(word)(before, now, head) }
}

// newViews asks for new orders and filters. The rows are in the order of local ports at first. Rows that an order finds
// equal stay as they are, so the cursor, around which the screen stays, has to be where there are few such rows: among
// the high ports, which are clients'.
func (o *observer) newViews(t *terminal) error {
	sorts := []change{
		{">", reordered("REMOTE▲")}, {"<", reordered("PORT▲")}, {"S", reordered("PORT▼")},
		{">", reordered("REMOTE▲")}, {"<", reordered("PORT▲")},
	}
	const word = "LISTEN"
	filters := []change{{"/state:listen\r", only(word)}, {"a", more(word)}}
	var sorted, filtered, keys durations
	for range o.counts.views {
		if err := t.press("Gkkk"); err != nil {
			return err
		}
		if err := during(200*time.Millisecond, t); err != nil {
			return err
		}
		for _, c := range sorts {
			if err := c.await(t, &sorted, &keys); err != nil {
				return err
			}
		}
		for _, c := range filters {
			if err := c.await(t, &filtered, &keys); err != nil {
				return err
			}
		}
	}
	for _, f := range []struct {
		name string
		of   durations
	}{{"sort", sorted}, {"filter", filtered}, {"meanwhile", keys}} {
		if err := o.report(f.name, millis(f.of.at(1))); err != nil {
			return err
		}
		if err := o.report(f.name+" median", millis(f.of.median())); err != nil {
			return err
		}
	}
	return nil
}

// await asks for the new view and presses a key right after, waits for both answers and notes how long they took.
func (c *change) await(t *terminal, took, keys *durations) error {
	if err := during(2*silence, t); err != nil {
		return err
	}
	before := t.table()
	start := time.Now()
	if err := t.press(c.keys); err != nil {
		return err
	}
	sent, pressed := t.received, time.Now()
	if err := t.press("k"); err != nil {
		return err
	}
	at, ok, err := t.until(missed, func() bool { return t.received > sent })
	if err != nil {
		return err
	}
	if !ok {
		at = pressed.Add(missed)
	}
	*keys = append(*keys, at.Sub(pressed))
	at, ok, err = t.until(patience, func() bool { return c.shown(before, t.table(), t.line(headLine)) })
	if err != nil {
		return err
	}
	if !ok {
		at = start.Add(patience)
	}
	*took = append(*took, at.Sub(start))
	if at.Before(start) {
		return fmt.Errorf("what %q asks for was there before", c.keys)
	}
	return nil
}
