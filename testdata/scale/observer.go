package main

// The observer: the process that measures, inside a world, and what it looks at in each.

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// observer measures in one world.
type observer struct {
	order  order
	counts counts
	out    *json.Encoder
	netns  string // what a screen looks into
}

// observe is an observer's whole life; it returns the exit code.
func observe() int {
	o := &observer{out: json.NewEncoder(os.Stdout), netns: "own"}
	if err := json.Unmarshal([]byte(os.Getenv(orderVariable)), &o.order); err != nil {
		return fail(fmt.Errorf("reading the order: %w", err))
	}
	o.counts = o.order.settings().counts()
	for i := range worlds {
		if w := &worlds[i]; w.name == o.order.World {
			if err := w.look(o); err != nil {
				return fail(fmt.Errorf("in the world %q: %w", w.name, err))
			}
			return 0
		}
	}
	return fail(fmt.Errorf("no world is called %q", o.order.World))
}

// wants says whether one of the rows is asked for.
func (o *observer) wants(rows ...int) bool { return o.order.Rows.any(rowsOf(rows...)) }

// report tells the lead a figure.
func (o *observer) report(name string, value float64) error {
	return o.tell(report{Name: name, Value: value})
}

func (o *observer) tell(r report) error {
	if err := o.out.Encode(r); err != nil {
		return fmt.Errorf("reporting %s: %w", r.Name, err)
	}
	return nil
}

// task is a thing to measure, for some rows of the table.
type task struct {
	rows rowSet
	do   func() error
}

// each measures what is asked for. What fails does not keep the rest from being measured.
func (o *observer) each(tasks ...task) error {
	var failed error
	for _, t := range tasks {
		if o.order.Rows.any(t.rows) {
			failed = errors.Join(failed, t.do())
		}
	}
	return failed
}

// quiet is the host as it is.
func (o *observer) quiet() error {
	return o.each(
		task{rowsOf(10), o.firstPaint},
		task{rowsOf(4, 5, 7), o.resting},
	)
}

// constant is what a tick costs among few sockets, or none.
func (o *observer) constant() error { return o.ticksAtRest() }

// tenChanging is the screen while ten rows of it change.
func (o *observer) tenChanging() error { return o.bytesOfChange() }

// rest is a full world in which nothing changes.
func (o *observer) rest() error {
	return o.each(
		task{rowsOf(3), o.firstScan},
		task{rowsOf(1, 2, 9), o.ticksAtRest},
		task{rowsOf(8), o.printing},
		task{rowsOf(10), o.firstPaint},
		task{rowsOf(4, 5), o.resting},
	)
}

// churn is a full world in which connections come and go.
func (o *observer) churn() error {
	return o.each(
		task{rowsOf(1, 3), o.ticksWithChurn},
		task{rowsOf(6), o.keys},
	)
}
