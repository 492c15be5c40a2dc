package main

// The table: each line's bar, and how its figure is made of what was measured.

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// line is a line of the table.
type line struct {
	row   int
	what  string
	bar   string
	holds func(v float64) bool
	shown string   // how the figure is written, for Sprintf
	needs []string // figures, by world/name
	of    func(v []float64) float64
	made  string // the figures it is made of, for Sprintf with all of needs
}

func atMost(limit float64) func(float64) bool  { return func(v float64) bool { return v <= limit } }
func atLeast(limit float64) func(float64) bool { return func(v float64) bool { return v >= limit } }

func ratio(v []float64) float64 { return v[0] / v[1] }
func first(v []float64) float64 { return v[0] }
func above(v []float64) float64 { return v[0] - v[1] }

const (
	mega     = 1e6
	times    = "%.2fx"
	percent  = "%.2f %%"
	ms       = "%.1f ms"
	megabyte = "%.2f MB"
)

func inMega(v []float64) float64 { return v[0] / mega }
func share(v []float64) float64  { return 100 * v[0] / v[1] }

// aboveOwn is what a tick takes for other namespaces over the bare dumps of these.
func aboveOwn(v []float64) float64 { return (v[0] - v[1]) / v[2] }

// forEach is the cost of a socket in a large world over that in a small one, without what a tick costs anyway: ticks and
// sockets of both, and the tick of a world without sockets.
func forEach(v []float64) float64 {
	large, small, none := v[0], v[2], v[4]
	return (large - none) / v[1] / ((small - none) / v[3])
}

var lines = [...]line{
	{1, "tick at rest", "<= 1.25x", atMost(1.25), times, []string{"full/tick", "full/dump", "full/sockets"}, ratio,
		"tick %.1f ms, bare dump %.1f ms; %.0f sockets"},
	{1, "tick with churn", "<= 1.6x", atMost(1.6), times, []string{"churn/tick", "churn/dump", "churn/sockets"}, ratio,
		"tick %.1f ms, bare dump %.1f ms; %.0f sockets"},
	{2, "garbage of a tick", "<= 1 MB", atMost(1), megabyte, []string{"full/garbage", "full/mallocs"}, inMega,
		"%.0f bytes, %.0f allocations"},
	{3, "first owner scan", "<= 0.75x", atMost(0.75), times, []string{"full/scan", "full/walk", "full/fds"}, ratio,
		"scan %.1f ms, plain walk %.1f ms; %.0f fds"},
	{3, "owner scans a tick with churn", "<= 0.3x", atMost(0.3), times, []string{"churn/scan", "churn/walk"}, ratio,
		"scans %.1f ms a tick, plain walk %.1f ms"},
	{4, "resident memory, full", "<= 100 MB", atMost(100), megabyte, []string{"full/resident"}, inMega, "VmRSS %.0f bytes"},
	{4, "resident memory, quiet", "<= 20 MB", atMost(20), megabyte, []string{"quiet/resident"}, inMega, "VmRSS %.0f bytes"},
	{5, "CPU at rest, full", "<= 15 %", atMost(15), percent, []string{"full/cpu", "full/span"}, share,
		"%.0f ms in %.0f ms"},
	{5, "CPU at rest, quiet", "<= 0.3 %", atMost(0.3), percent, []string{"quiet/cpu", "quiet/span"}, share,
		"%.1f ms in %.0f ms"},
	{6, "key to first byte above echo, p50", "<= 5 ms", atMost(5), ms, []string{"churn/key p50", "churn/echo p50", "churn/keys"},
		above, "key %.2f ms, echo %.2f ms; %.0f keys each"},
	{6, "key to first byte above echo, p99", "<= 16 ms", atMost(16), ms, []string{"churn/key p99", "churn/echo p99"}, above,
		"key %.2f ms, echo %.2f ms"},
	{6, "keys missed", "none", atMost(0), "%.0f", []string{"churn/key missed", "churn/echo missed"}, first,
		"no answer within 1 s: %.0f, of echo %.0f"},
	{6, "new sort shown, longest", "<= 100 ms", atMost(100), ms, []string{"churn/sort", "churn/sort median"}, first,
		"%.1f ms, median %.1f ms"},
	{6, "new filter shown, longest", "<= 100 ms", atMost(100), ms, []string{"churn/filter", "churn/filter median"}, first,
		"%.1f ms, median %.1f ms; set and cleared"},
	{6, "key right after those above echo", "<= 16 ms", atMost(16), ms,
		[]string{"churn/meanwhile", "churn/echo p99", "churn/meanwhile median"}, above,
		"longest %.1f ms, echo p99 %.2f ms; median %.1f ms"},
	{7, "bytes to the terminal a refresh, quiet", "<= 100", atMost(100), "%.0f", []string{"quiet/bytes", "quiet/refreshes"},
		first, "%.1f bytes, mean of %.0f refreshes"},
	{7, "bytes a refresh, ten rows changing", "<= 1000", atMost(1000), "%.0f", []string{"ten/bytes", "ten/refreshes"}, first,
		"%.1f bytes, mean of %.0f refreshes"},
	{8, "ss -tanp over sockview -antp", ">= 6x", atLeast(6), times, []string{"full/ss", "full/sockview"}, ratio,
		"ss %.0f ms, sockview %.0f ms"},
	{8, "netstat -antp over sockview -antp", ">= 6x", atLeast(6), times, []string{"full/netstat", "full/sockview"}, ratio,
		"netstat %.0f ms, sockview %.0f ms"},
	{9, "tick for each socket, full over small", "<= 1.3x", atMost(1.3), times,
		[]string{"full/tick", "full/sockets", "small/tick", "small/sockets", "empty/tick", "full/dump", "small/dump", "empty/dump"},
		forEach, "tick %.1f ms of %.0f sockets, %.3f ms of %.0f, constant %.3f ms; bare dumps %.1f, %.3f, %.3f ms"},
	{10, "first paint after exec, full", "<= 50 ms", atMost(50), ms, []string{"full/first paint", "full/first byte", "full/first rows"},
		first, "text after %.1f ms, first byte %.1f ms, rows %.1f ms"},
	{10, "first paint after exec, quiet", "<= 50 ms", atMost(50), ms,
		[]string{"quiet/first paint", "quiet/first byte", "quiet/first rows"}, first,
		"text after %.1f ms, first byte %.1f ms, rows %.1f ms"},
	{11, "round of all namespaces", "<= 1.25x", atMost(1.25), times,
		[]string{"spaces/tick", "spaces/own", "spaces/dump", "spaces/sockets", "spaces/namespaces"}, aboveOwn,
		"tick %.2f ms, of our own alone %.2f ms, bare dumps %.2f ms; %.0f sockets in %.0f"},
	{11, "CPU at rest, all namespaces on screen", "<= 3 %", atMost(3), percent, []string{"spaces/cpu", "spaces/span"}, share,
		"%.1f ms in %.0f ms"},
	{11, "resident memory, all namespaces on screen", "<= 35 MB", atMost(35), megabyte, []string{"spaces/resident"}, inMega,
		"VmRSS %.0f bytes"},
}

// cells are what the line says of what was found out. It says false where something that had to be measured was not.
func (l *line) cells(got *figures) (measured, made, verdict string, ok bool) {
	values := make([]float64, len(l.needs))
	given := make([]any, len(l.needs))
	for i, name := range l.needs {
		if why := got.lacks[name]; why != "" {
			return why, "", "", true
		}
		v, known := got.values[name]
		if !known {
			return "not measured", "", "", false
		}
		values[i], given[i] = v, v
	}
	v := l.of(values)
	verdict = "over"
	if l.holds(v) {
		verdict = "within"
	}
	return fmt.Sprintf(l.shown, v), fmt.Sprintf(l.made, given...), verdict, true
}

// write prints the table of the rows asked for and says how many lines could not be measured.
func write(w io.Writer, s settings, got *figures) (missing int) {
	fmt.Fprintf(w, "%d connections, %d a second opened and closed with churn; %d s\n\n", s.connections, s.churn(), s.seconds)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ROW\tWHAT\tBAR\tMEASURED\t\tMADE OF")
	for i := range lines {
		l := &lines[i]
		if !s.rows.any(rowsOf(l.row)) {
			continue
		}
		measured, made, verdict, ok := l.cells(got)
		if !ok {
			missing++
		}
		fmt.Fprintln(t, strings.Join([]string{fmt.Sprint(l.row), l.what, l.bar, measured, verdict, made}, "\t"))
	}
	t.Flush()
	return missing
}
