package sampler

// What the real kernel is asked through in each network namespace.

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"sockview/model"
	"sockview/sampler/diag"
	"sockview/sampler/netns"
	"sockview/sampler/procnet"
	"sockview/sampler/rights"
)

// inside is what is open in a network namespace.
type inside struct {
	*diag.Conn
	events *diag.Events // nil: nobody listens
	deaf   error        // why not, where somebody would listen
	net    procnet.FS   // the tables of what sock_diag does not know
}

func (i *inside) Close() error {
	err := errors.Join(i.Conn.Close(), i.net.Close())
	if i.events != nil {
		err = errors.Join(err, i.events.Close())
	}
	return err
}

// listener is who tells of its closings; nil where nobody does.
func (i *inside) listener() Listener {
	if i.events == nil {
		return nil
	}
	return i.events
}

// finder is the Namespaces of this host.
type finder struct {
	rights *rights.Rights
	start  func(name string, f func())
	home   *inside

	watcher *netns.Watcher[*inside] // nil until the first look
	tables  procnet.FS              // whose buffer all tables are read into
	lacks   []model.Proto           // what this kernel's sock_diag does not know
	hear    bool
	spaces  map[*netns.Space[*inside]]*Space
	ended   int // threads that were ended, as of the last look

	// mu guards conns: who closes a socket is another goroutine than the sampler.
	mu    sync.Mutex
	conns map[uint64]*diag.Conn // by the namespace's identity
}

// newFinder begins with who closes sockets in our own namespace.
func newFinder(held *rights.Rights, start func(name string, f func()), home *inside, conns map[uint64]*diag.Conn) *finder {
	return &finder{rights: held, start: start, home: home, spaces: make(map[*netns.Space[*inside]]*Space), conns: conns}
}

// Look is that of Namespaces.
func (f *finder) Look(choice string, hear bool) Found {
	f.hear = hear
	if f.watcher == nil {
		lacks := f.lacking()
		w, err := netns.NewWatcher(netns.Config[*inside]{
			Home: f.home, Open: f.open, Go: f.start, Most: mostSpaces(fileLimit(), lacks),
			Looking: f.rights.For(rights.Look), Entering: f.rights.For(rights.Look | rights.SysAdmin),
		})
		if err != nil {
			return Found{Home: true, Err: err}
		}
		f.watcher, f.tables, f.lacks = w, procnet.At(netDir), lacks
	}
	l := f.watcher.Look(netns.ParseChoice(choice))
	found := Found{Err: l.Err}
	if l.Ended > f.ended {
		found.Err = errors.Join(found.Err, fmt.Errorf("%d threads did not come back from one and were ended", l.Ended))
	}
	f.ended = l.Ended
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, gone := range l.Gone {
		delete(f.spaces, gone)
		delete(f.conns, gone.ID)
	}
	for _, s := range l.Spaces {
		if s.Home {
			found.Home = s.State == netns.Open
			continue
		}
		found.Others = append(found.Others, f.space(s))
	}
	return found
}

// lacking are the protocols whose tables are kept open in each namespace.
func (f *finder) lacking() (lacks []model.Proto) {
	for _, p := range [...]model.Proto{model.UDPLite, model.Raw} {
		if _, err := f.home.Dump(p, model.IPv4, func(*model.Socket) {}); errors.Is(err, diag.ErrUnsupported) {
			lacks = append(lacks, p)
		}
	}
	return lacks
}

// spareFiles are the descriptors that namespaces leave to all else: the look for owners, tables, a terminal, files to save to.
const spareFiles = 256

// mostSpaces is how many namespaces are entered by a process that may have so many files open.
func mostSpaces(limit uint64, lacks []model.Proto) int {
	each := uint64(1 + 1 + 2*len(lacks)) // sock_diag, its events, and a table for each family
	return int(min(max((max(limit, spareFiles)-spareFiles)/each, 1), netns.DefaultMost))
}

// fileLimit is RLIMIT_NOFILE; 0 when it cannot be told.
func fileLimit() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return limit.Cur
}

// open opens what is asked through in the calling thread's network namespace.
func (f *finder) open() (*inside, error) {
	c, err := f.home.Beside(f.raise)
	if err != nil {
		return nil, fmt.Errorf("asking for its sockets: %w", err)
	}
	i := &inside{Conn: c}
	if i.net, err = f.tables.Keep(netDir, f.lacks...); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if f.hear && f.home.events != nil {
		i.events, i.deaf = f.home.events.Beside(f.raise)
	}
	return i, nil
}

func (f *finder) raise() (drop func()) { return f.rights.Raise(rights.NetAdmin) }

// space is what the sampler knows of a namespace.
func (f *finder) space(s *netns.Space[*inside]) *Space {
	known := f.spaces[s]
	if known == nil {
		known = &Space{}
		f.spaces[s] = known
	} else {
		delete(f.conns, known.Cookie) // it may have another now; a new one has none, and 0 may be our own
	}
	known.Cookie, known.Name, known.Err = s.ID, s.Label(), s.Err
	switch s.State {
	case netns.Open:
		if known.View != model.Entered {
			known.Kernel, known.Listener, known.Deaf = s.Conn, s.Conn.listener(), s.Conn.deaf
		}
		known.View, known.Net, known.Still, known.Inside = model.Entered, s.Conn.net, nil, s.Door().Do
		f.conns[s.ID] = s.Conn.Conn
		return known
	case netns.ProcNet:
		if known.View != model.TablesOnly {
			known.Kernel = diag.Refused(s.Err)
		}
		known.View, known.Net, known.Still = model.TablesOnly, f.tables.In(s.Dir), s.Still
	case netns.Refused:
		known.View, known.Kernel = model.Hidden, nil
	default:
		known.View, known.Kernel = model.Unchosen, nil
	}
	known.Listener, known.Deaf, known.Inside = nil, nil, nil
	return known
}

// conn is who closes sockets in a network namespace; nil where nobody can.
func (f *finder) conn(id uint64) *diag.Conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.conns[id]
}
