package netns

// Keeping a descriptor in each namespace for as long as something else anchors it, and no longer.

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Conn is what is opened inside a namespace: a *diag.Conn, or more than that.
type Conn interface {
	// NetNSCookie is SO_NETNS_COOKIE; an error means that the kernel has none (before Linux 5.14).
	NetNSCookie() (uint64, error)
	Close() error
}

// Config is what a Watcher is made of. Only Open is needed.
type Config[C Conn] struct {
	// Open opens what is wanted in the calling thread's current network namespace.
	Open func() (C, error)
	// Home is what the caller has opened in our own namespace already: it is used there instead of opening another, and
	// never closed. The zero value: there is none.
	Home C
	// Looking runs a function with the right to see the links of all processes (CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH),
	// Entering with that and the right to enter namespaces (CAP_SYS_ADMIN), both in the calling thread alone. Nil: it
	// runs with what there is.
	Looking, Entering func(f func())
	// Go starts a goroutine; whoever brings it catches panics. Nil is the go statement.
	Go func(name string, f func())
	// Most is how many namespaces are looked into at a time, 0 for DefaultMost: each takes a descriptor or more.
	Most int
}

const (
	// DefaultMost is how many namespaces are looked into unless Config says.
	DefaultMost = 4096
	// retryEvery is after how many looks a namespace that may not be entered is tried again.
	retryEvery = 32
)

// Space is a network namespace, as far as we see into it.
type Space[C Conn] struct {
	*Place
	State State
	Conn  C // while State is Open. Watcher closes it, unless it is Config.Home
	// ID tells the namespace apart: SO_NETNS_COOKIE, which is for good, or a number above 1<<63 where that is unknown,
	// which holds while State stays.
	ID uint64
	// Err is why State is ProcNet or Refused, or Unasked though it is wanted: it went while it was to be entered.
	Err error
	// Dir is its /proc/net, through the first process in it, which was in it during the last Look; our own is the calling
	// thread's. "" when only a mount anchors it.
	Dir string

	chosen     bool   // it is wanted
	cookie     bool   // ID is one
	generation uint32 // the place's, as ID means it
	retry      uint64 // the look that tries again to enter
	way        *way
}

// Look is what one look found. It holds until the next one.
type Look[C Conn] struct {
	Spaces []*Space[C] // our own first
	// Gone are those that were there in the last look and are not any more. Their Conn, if they had one, is closed.
	Gone []*Space[C]
	// Hidden counts the processes whose namespaces are known by /proc/PID/net alone. Where such a namespace has a mount
	// as well that we may not open, it is counted twice.
	Hidden int
	// Unread counts the processes that were left to the next look, so that this one ends.
	Unread int
	// Ended counts the threads, since the beginning, that could not come back from a namespace and were ended.
	Ended int
	// Err is what could not be found out. The rest stands.
	Err error
}

// Count is how many namespaces are in this state.
func (l Look[C]) Count(s State) int {
	n := 0
	for _, space := range l.Spaces {
		if space.State == s {
			n++
		}
	}
	return n
}

// Watcher keeps what is open in the namespaces. One goroutine at a time may use it, which stays in the namespace that
// NewWatcher was called in.
type Watcher[C Conn] struct {
	cfg    Config[C]
	finder *finder
	way    *way
	lent   bool // there is a Config.Home
	want   Choice
	spaces map[*Place]*Space[C]
	places []*Place
	seq    uint64
	open   int // without what is lent
}

// NewWatcher is a Watcher of all namespaces that /proc shows. It opens nothing in any of them yet.
func NewWatcher[C Conn](cfg Config[C]) (*Watcher[C], error) {
	asIs := func(f func()) { f() }
	if cfg.Looking == nil {
		cfg.Looking = asIs
	}
	if cfg.Entering == nil {
		cfg.Entering = asIs
	}
	if cfg.Go == nil {
		cfg.Go = func(_ string, f func()) { go f() }
	}
	if cfg.Most == 0 {
		cfg.Most = DefaultMost
	}
	f, err := newFinder("/proc", ipDirs[0])
	if err != nil {
		return nil, fmt.Errorf("network namespaces: %w", err)
	}
	back, err := unix.Openat(f.root, ownLink, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		f.close()
		return nil, fmt.Errorf("network namespaces: our own: %w", err)
	}
	return &Watcher[C]{
		cfg: cfg, finder: f, spaces: make(map[*Place]*Space[C]),
		way:  &way{back: back, dev: f.home.Dev, inode: f.home.Inode, entering: cfg.Entering, start: cfg.Go},
		lent: !reflect.ValueOf(&cfg.Home).Elem().IsZero(),
	}, nil
}

// Look finds the namespaces, closes what is open in those that nothing else anchors any more or that nobody wants to see,
// and opens those that are wanted. A namespace is let go of in the first look after its last anchor went.
func (w *Watcher[C]) Look(want Choice) Look[C] {
	w.seq++
	var l Look[C]
	w.cfg.Looking(func() { l.Err = w.finder.look() })
	w.places = w.finder.all(w.places[:0])
	l.Hidden, l.Unread = w.finder.hidden, w.finder.unread
	l.Gone = w.forget()
	w.choose(want)
	var enter []*Space[C]
	for _, p := range w.places {
		s := w.spaces[p]
		l.Spaces = append(l.Spaces, s)
		s.Dir = p.dir()
		s.identify()
		switch {
		case !s.chosen:
			l.Err = errors.Join(l.Err, w.close(s))
			s.State, s.Err, s.retry = Unasked, nil, 0
		case s.State != Open && s.retry <= w.seq:
			enter = append(enter, s)
		case s.State != Open:
			s.fallBack()
		}
	}
	w.enter(enter)
	l.Ended = int(w.way.ended.Load())
	return l
}

// choose says which namespaces are wanted. What a choice named stays wanted while nothing else answers to it: the process that
// it is called by may end, or its name be taken away, while it is watched.
func (w *Watcher[C]) choose(want Choice) {
	named := slices.ContainsFunc(w.places, want.Wants)
	for _, p := range w.places {
		s := w.spaces[p]
		if s == nil {
			s = &Space[C]{Place: p, way: w.way}
			w.spaces[p] = s
		}
		if named || want != w.want {
			s.chosen = want.Wants(p)
		}
	}
	w.want = want
}

// identify gives a namespace its stand-in for a cookie. While it is open its inode is not given to another.
func (s *Space[C]) identify() {
	if s.State != Open && s.generation != s.Place.generation {
		s.cookie, s.retry = false, 0
	}
	s.generation = s.Place.generation
	if !s.cookie && s.State != Open {
		s.ID = s.identity()
	}
}

// forget closes what is open in namespaces that are not among the places any more.
func (w *Watcher[C]) forget() (gone []*Space[C]) {
	there := make(map[*Place]bool, len(w.places))
	for _, p := range w.places {
		there[p] = true
	}
	for p, s := range w.spaces {
		if !there[p] {
			s.Err = w.close(s)
			delete(w.spaces, p)
			gone = append(gone, s)
		}
	}
	slices.SortFunc(gone, func(a, b *Space[C]) int { return cmp.Compare(a.ID, b.ID) })
	return gone
}

// close closes what is open in a namespace. What was its identity stays: it has not changed.
func (w *Watcher[C]) close(s *Space[C]) error {
	if s.State != Open {
		return nil
	}
	var none C
	var err error
	if !s.Home || !w.lent {
		err = s.Conn.Close()
		w.open--
	}
	s.State, s.Conn = Unasked, none
	if err != nil {
		return fmt.Errorf("leaving a network namespace: %w", err)
	}
	return nil
}

// Close closes everything but Config.Home. Doors lead nowhere after it, but our own; who is inside comes back.
func (w *Watcher[C]) Close() error {
	var errs []error
	for _, s := range w.spaces {
		errs = append(errs, w.close(s))
	}
	clear(w.spaces)
	w.finder.close()
	errs = append(errs, w.way.close())
	return errors.Join(errs...)
}

// fallBack says how far we see into a namespace that was not entered.
func (s *Space[C]) fallBack() {
	s.State = Refused
	if s.Dir == "" {
		return
	}
	s.State = ProcNet
	if s.NetInode == 0 {
		_, s.NetInode, _ = inodeOf(unix.AT_FDCWD, s.Dir+"/dev") // else it is unknown, and Still says no
	}
}

// Still says whether Dir leads to this namespace still. The process that it leads through may have ended since the Look, and
// its pid be another's by now: what was read in Dir is this namespace's if Still says so after.
func (s *Space[C]) Still() bool {
	if s.Dir == "" || s.NetInode == 0 {
		return false
	}
	_, inode, err := inodeOf(unix.AT_FDCWD, s.Dir+"/dev")
	return err == nil && inode == s.NetInode
}

// refuse says why a namespace was not entered, and when to try again: a right that is missing will be so for a while. What
// went since it was found is neither refused nor to be read: the next Look finds it gone, or another way to it.
func (w *Watcher[C]) refuse(s *Space[C], why error) {
	s.Err, s.retry = why, w.seq+1
	if isGone(why) || errors.Is(why, errMoved) {
		s.State = Unasked
		return
	}
	if errors.Is(why, fs.ErrPermission) {
		s.retry = w.seq + retryEvery
	}
	s.fallBack()
}

// process is the path under /proc of the process that the place is seen through, "" without one.
func (p *Place) process() string {
	switch {
	case len(p.PIDs) == 0:
		return ""
	case p.tid != 0:
		return fmt.Sprintf("%d/task/%d", p.PIDs[0], p.tid)
	}
	return strconv.Itoa(int(p.PIDs[0]))
}

// dir is the place's /proc/net.
func (p *Place) dir() string {
	if p.Home {
		return "/proc/thread-self/net"
	}
	if path := p.process(); path != "" {
		return "/proc/" + path + "/net"
	}
	return ""
}
