package main

// Figures: what an observer found out, on their way to the table. A figure's name is its world's and its own, as
// "full/tick". Times are in milliseconds, sizes in bytes.

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// report is a line that an observer writes.
type report struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	// Lacks says why there is no value, where that is no failure: what would be measured is not here.
	Lacks string `json:"lacks,omitempty"`
}

// figures are all that was found out.
type figures struct {
	values map[string]float64
	lacks  map[string]string
}

func newFigures() *figures {
	return &figures{values: map[string]float64{}, lacks: map[string]string{}}
}

// read takes the reports of one world until there are no more.
func (f *figures) read(world string, r io.Reader) error {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var one report
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return fmt.Errorf("the report %q: %w", lines.Text(), err)
		}
		if one.Lacks != "" {
			f.lacks[world+"/"+one.Name] = one.Lacks
			continue
		}
		f.values[world+"/"+one.Name] = one.Value
	}
	return lines.Err()
}

// millis is a duration as a figure.
func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// durations are the times that one thing took.
type durations []time.Duration

// at is the value that the part q of all does not exceed: 0.5 is the median. There must be some.
func (d durations) at(q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func (d durations) median() time.Duration { return d.at(0.5) }

// time notes how long do takes.
func (d *durations) time(do func() error) error {
	start := time.Now()
	err := do()
	*d = append(*d, time.Since(start))
	return err
}
