package netns

import (
	"fmt"
	"strconv"
	"testing"

	"sockview/sampler/diag"
)

// BenchmarkLook is a look at this host as it is, with so many more namespaces that only a mount keeps.
func BenchmarkLook(b *testing.B) {
	for _, n := range []int{0, 50, 400} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for range n {
				mount(b, "bench", nil)
			}
			w, err := NewWatcher(Config[*diag.Conn]{Open: diag.Open})
			must(b, "watch", err)
			defer w.Close()
			l := w.Look(All)
			pids := len(w.finder.known)
			b.ReportAllocs()
			for b.Loop() {
				l = w.Look(All)
			}
			if l.Err != nil || l.Count(Open) <= n {
				b.Fatal(fmt.Errorf("%d open: %w", l.Count(Open), l.Err))
			}
			b.ReportMetric(float64(pids), "processes")
		})
	}
}

// BenchmarkOpen is what it costs to enter a namespace, open sock_diag there, come back and close it.
func BenchmarkOpen(b *testing.B) {
	mount(b, "bench", nil)
	w, err := NewWatcher(Config[*diag.Conn]{Open: diag.Open})
	must(b, "watch", err)
	defer w.Close()
	w.Look(Own)
	var s *Space[*diag.Conn]
	for _, space := range w.spaces {
		if space.Label().String() == "bench" {
			s = space
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		w.enter([]*Space[*diag.Conn]{s})
		if s.State != Open {
			b.Fatal(s.Err)
		}
		must(b, "close", w.close(s))
	}
}
