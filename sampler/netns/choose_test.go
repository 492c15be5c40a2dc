package netns

import (
	"testing"

	"sockview/model"
)

// TestChosenStays: a namespace that was chosen stays so when what it was called by goes, until something else is called so.
func TestChosenStays(t *testing.T) {
	home, daemon, web := &Place{Home: true}, &Place{Inode: 2, PIDs: []int32{100, 101}}, &Place{Inode: 3, Names: []model.Text{model.SafeText("web")}}
	places := []*Place{home, daemon, web}
	for _, choice := range []string{"pid 100", "100"} {
		daemon.PIDs = []int32{100, 101}
		web.PIDs = nil
		w := &Watcher[Conn]{spaces: make(map[*Place]*Space[Conn]), places: places}
		check := func(what string, want string, homeIs, daemonIs, webIs bool) {
			t.Helper()
			w.choose(ParseChoice(want))
			if h, d, b := w.spaces[home].chosen, w.spaces[daemon].chosen, w.spaces[web].chosen; h != homeIs || d != daemonIs || b != webIs {
				t.Errorf("%s, %s: own %v, daemon %v, web %v", choice, what, h, d, b)
			}
		}
		check("at first", "own", true, false, false)
		check("chosen", choice, false, true, false)
		daemon.PIDs = []int32{101}
		check("its first process has ended", choice, false, true, false)
		check("another choice", "web", false, false, true)
		check("a process that is no more", choice, false, false, false)
		check("all", "all", true, true, true)
		check("a name of none", "nobody", false, false, false)
	}
	daemon.PIDs = []int32{100, 101}
	w := &Watcher[Conn]{spaces: make(map[*Place]*Space[Conn]), places: places}
	w.choose(ParseChoice("100"))
	daemon.PIDs, web.PIDs = []int32{101}, []int32{100}
	if w.choose(ParseChoice("100")); w.spaces[daemon].chosen || !w.spaces[web].chosen {
		t.Error("somebody else has the pid by now")
	}
}
