// Package sampler is the only room that talks to the kernel. It polls sock_diag at an interval, joins each
// socket to the processes that hold it, folds the polls in a model.Tracker and publishes complete snapshots.
//
// It never waits for whoever reads them: a mailbox of one slot lies between. What the reader wants (interval,
// sample now, the row in focus) comes back as one small model.Demand.
package sampler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sockview/model"
	"sockview/sampler/containers"
	"sockview/sampler/diag"
	"sockview/sampler/proc"
	"sockview/sampler/procnet"
)

const (
	// DefaultInterval is the time between two polls unless the user chose another.
	DefaultInterval = time.Second
	// askLimit bounds how many missed rows a tick asks the kernel for one by one; the rest wait for the
	// second miss.
	askLimit = 256
	askTime  = int64(20 * time.Millisecond) // and for how long
)

// Asker is where sockets come from: a *diag.Conn.
type Asker interface {
	Dump(proto model.Proto, family model.Family, fn func(*model.Socket)) (diag.Result, error)
	// Bare says whether dumps do without tcp_info and all that is in it.
	Bare(bool)
	DumpUnix(fn func(*model.UnixSocket)) (diag.Result, error)
	Ask(t model.CloseTarget) (diag.Answer, error)
	Congestion() []model.Text
	LinkName(index uint32) (model.Text, error)
	// Waited is how long the kernel was waited for, in all.
	Waited() time.Duration
}

// Config is what a Sampler is made of. Only Kernel, NetDir and FS are needed.
type Config struct {
	Kernel Asker
	// Listener tells of closings, to which Run listens; nil: ends of sockets are found by polling alone, because of Deaf if
	// anybody wanted one.
	Listener    Listener
	Deaf        error
	Host        Host   // nil: there are only sockets
	Away        Host   // reads the tables of other network namespaces, one after the other
	NetDir      string // the namespace's /proc/net
	NetNSCookie uint64
	Namespaces  Namespaces // nil: there is our own network namespace and no other
	FS          proc.FS
	Containers  *containers.Names // nil: containers go by their ids
	Access      model.Access
	// Trouble is what went wrong with our own rights so far; see rights.Rights. Nil: nothing does.
	Trouble func() error
	// Own says whether a socket belongs to our own name look-ups, which are not shown. Nil: none does.
	Own func(cookie uint64) bool
	// Go starts a goroutine; whoever brings it catches panics. Nil is the go statement.
	Go func(name string, f func())
	// Clock is monotonic ns and the wall clock. Nil is the real one.
	Clock func() (int64, time.Time)
}

// Sampler polls the kernel and publishes snapshots. Run does the work; the other methods may be called from
// any goroutine.
type Sampler struct {
	*Mailbox
	cfg     Config
	tracker *model.Tracker
	owners  *owners
	details *details
	spaces  *spaces
	tables  *tables
	ends    *closings
	beside  sync.Once

	demand struct {
		sync.Mutex
		newest model.Demand
		wake   chan struct{}
	}
	want  model.Demand // as Run acts on it
	pace  pace
	asked uint64 // the Demand.Now that was answered
	// lends says that the reader gives each snapshot back before the next look, as who prints does: nothing is copied.
	lends bool
	hears bool // closings are listened to
	named []model.NetNS

	pauses chan pause

	seq        uint64
	took       time.Duration
	sources    []model.Source        // of what is not asked in a namespace: closings, names
	users      map[uint32]model.Text // replaced, never written to: snapshots share it
	congestion []model.Text          // likewise
	links      links
	skipped    int
}

// New makes a Sampler that has not asked anything yet.
func New(cfg Config) *Sampler {
	if cfg.Go == nil {
		cfg.Go = func(_ string, f func()) { go f() }
	}
	if cfg.Clock == nil {
		start := time.Now()
		cfg.Clock = func() (int64, time.Time) {
			now := time.Now()
			return int64(now.Sub(start)), now
		}
	}
	if cfg.Trouble == nil {
		cfg.Trouble = func() error { return nil }
	}
	if cfg.Own == nil {
		cfg.Own = func(uint64) bool { return false }
	}
	s := &Sampler{
		Mailbox: newMailbox(),
		cfg:     cfg,
		tracker: model.NewTracker(),
		links:   newLinks(),
	}
	s.owners = newOwners(proc.NewScanner(cfg.FS), cfg.Containers, cfg.Access.Owners)
	s.details = newDetails(cfg.FS)
	s.ends = &closings{start: cfg.Go, deaf: cfg.Deaf, clock: cfg.Clock}
	s.spaces = newSpaces(cfg.Namespaces, &place{
		cookie: cfg.NetNSCookie, kernel: cfg.Kernel, unix: &unixSockets{kernel: cfg.Kernel},
		sockets: newSockets(cfg.Kernel, procnet.At(cfg.NetDir), newLoaded(cfg.NetDir)),
	})
	s.tables = newTables(cfg.Host, func() int64 {
		now, _ := cfg.Clock()
		return now
	})
	s.demand.wake = make(chan struct{}, 1)
	s.pauses = make(chan pause)
	s.demand.newest = model.Demand{Interval: DefaultInterval}
	return s
}

// Want tells what the reader wants from now on; the newest demand wins.
func (s *Sampler) Want(d model.Demand) {
	s.demand.Lock()
	s.demand.newest = d
	s.demand.Unlock()
	select {
	case s.demand.wake <- struct{}{}:
	default:
	}
}

func (s *Sampler) wanted() model.Demand {
	s.demand.Lock()
	defer s.demand.Unlock()
	return s.demand.newest
}

// Run polls until ctx is done.
func (s *Sampler) Run(ctx context.Context) {
	s.startBeside(ctx)
	s.listen(ctx)
	s.heed()
	last := time.Now()
	s.poll(ctx)
	timer := time.NewTimer(s.pace.interval)
	defer timer.Stop()
	watch := time.NewTicker(lookEvery)
	defer watch.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			last = time.Now()
			s.poll(ctx)
		case <-s.demand.wake:
			was := s.want
			s.heed()
			if s.want.Now != was.Now || s.want.Tables != was.Tables || s.want.NetNS != was.NetNS {
				last = time.Now()
				s.poll(ctx)
			} else if s.want.Focus != was.Focus {
				s.publish()
			}
		case <-watch.C:
			if s.lookForSpaces() {
				s.pollOthers(ctx)
			}
		case p := <-s.pauses:
			s.spaces.letGo()
			close(p.gone)
			<-p.over
			last = time.Time{}
		case answer := <-s.owners.answers:
			if learned, _ := s.owners.take(answer, s.tracker); learned {
				s.publish()
			}
		case answer := <-s.tables.answers:
			if s.takeTables(answer) {
				s.publish()
			}
		case answer := <-s.details.answers:
			s.details.take(answer)
			s.publish()
		}
		// Asking may take longer than the interval; it must not take all the time there is.
		timer.Reset(max(s.pace.interval-time.Since(last), s.took/2))
	}
}

// listen begins to listen to closings, until ctx is done.
func (s *Sampler) listen(ctx context.Context) {
	if s.hears {
		return
	}
	s.hears = true
	if l := s.cfg.Listener; l != nil {
		s.ends.listen(l, s.spaces.home().slot, model.Text{})
		context.AfterFunc(ctx, func() { _ = l.Close() }) // nothing was written that could be lost
	}
}

// heed takes the newest demand.
func (s *Sampler) heed() {
	s.want = s.wanted()
	s.tracker.Remember(remembered(s.want.History))
	s.pace.choose(s.want.Interval)
}

// remembered is how many closed connections a demand has kept.
func remembered(demanded int) int {
	if demanded == 0 {
		return model.DefaultHistory
	}
	return max(0, demanded)
}

// startBeside starts what works beside the polls, until ctx is done: once, however often Sample is called.
func (s *Sampler) startBeside(ctx context.Context) {
	s.beside.Do(func() {
		s.cfg.Go("owners", func() { s.owners.run(ctx) })
		s.cfg.Go("details", func() { s.details.run(ctx) })
		s.cfg.Go("tables", func() { s.tables.run(ctx) })
	})
}

// Sample polls once and waits until the owners of what it saw are known or known not to be, at most for
// patience. With apart above 0 it polls again after that time, so that there are rates. What it gives stands until it is
// called again. It is for output that is printed; Run must not be running.
func (s *Sampler) Sample(ctx context.Context, patience, apart time.Duration) *model.Snapshot {
	if apart > 0 {
		s.Release(s.Sample(ctx, patience, 0))
		select {
		case <-ctx.Done():
		case <-time.After(apart):
		}
	}
	s.startBeside(ctx)
	if s.wanted().History > 0 { // who prints mostly asks but once
		s.listen(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s.heed()
	s.owners.patient, s.lends = true, true
	s.askOwners(ctx) // who holds what, while the kernel is asked for what there is
	s.look(ctx, true)
	s.askOwners(ctx)
	for (s.owners.busy || s.tables.busy) && ctx.Err() == nil { // what is busy longer is waited for the next time
		select {
		case answer := <-s.tables.answers:
			s.takeTables(answer)
		case answer := <-s.owners.answers:
			if s.takeOwnersFor(answer) {
				s.owners.ask(ctx, s.tracker)
			}
		case <-ctx.Done():
		}
	}
	s.publish()
	return s.Take()
}

// takeOwnersFor takes the answer of an owner scan for who waits for it, and says whether to look again at once. A scan
// that began before the sockets were known was one look at each of them: the next one's word is final.
func (s *Sampler) takeOwnersFor(answer scanned) (again bool) {
	_, again = s.owners.take(answer, s.tracker)
	if answer.request.Full && len(answer.request.Inodes) == 0 {
		for _, inode := range s.tracker.Unowned(nil) {
			s.owners.tried[inode], again = true, true
		}
	}
	return again || !answer.result.Complete && answer.result.Err == nil
}

// hold is for how long changes are shown: what the user chose, else an interval, but at least a second.
func (s *Sampler) hold() int64 {
	if s.want.Hold > 0 {
		return int64(s.want.Hold)
	}
	return int64(max(s.pace.interval, time.Second))
}

// poll asks the kernel for all that is looked at and publishes what became of it.
func (s *Sampler) poll(ctx context.Context) {
	began := s.look(ctx, true)
	s.publish()
	end, _ := s.cfg.Clock()
	s.took = time.Duration(end - began)
	s.askOwners(ctx)
}

// pollOthers is poll for the network namespaces whose turn it is without our own: some were just found.
func (s *Sampler) pollOthers(ctx context.Context) {
	s.look(ctx, false)
	s.publish()
	s.askOwners(ctx)
}

// lookForSpaces looks for network namespaces, if it is time. It says whether some are to be asked at once.
func (s *Sampler) lookForSpaces() bool {
	now, _ := s.cfg.Clock()
	return s.spaces.look(s.want.NetNS, now, s.hears, s.tracker, s.ends)
}

// look asks the kernel for all that is looked at; home says whether our own network namespace is. It says when it began.
func (s *Sampler) look(ctx context.Context, home bool) (now int64) {
	if s.lookForSpaces(); s.spaces.changed {
		s.tables.stand(s.spaces.posts(s.cfg.Host, s.cfg.Away), s.spaces.gone, s.tracker.Now())
	}
	now, wall := s.cfg.Clock()
	s.tracker.Begin(now, wall)
	s.sources = s.sources[:0]
	wanted := s.wantedTables()
	s.tables.ask(ctx, wanted)
	asked := s.spaces.due(home, s.owners.patient || s.want.Now != s.asked, now, s.pace.interval)
	s.asked = s.want.Now
	outcomes := s.pollPlaces(asked, now, wanted)
	s.foldClosings()
	s.named = s.spaces.publish(s.named, s.tracker)
	s.tracker.In(s.named)
	s.tracker.Finish(outcomes, s.hold())
	for _, slot := range s.spaces.free(s.tracker, s.tables, s.ends) {
		s.links.forget(slot)
	}
	s.confirm()
	select { // most tables are read before the sockets are
	case answer := <-s.tables.answers:
		s.takeTables(answer)
	default:
	}
	s.nameThings()
	return now
}

// askOwners has the owners looked for that are not known, where somebody looks at who holds sockets.
func (s *Sampler) askOwners(ctx context.Context) {
	if s.wantsOwners() {
		s.owners.ask(ctx, s.tracker)
	} else {
		s.tracker.Vacated(nil) // the scan would have taken them: without one they would pile up
	}
}

// takeTables folds tables that were read. It says whether there is something to publish.
func (s *Sampler) takeTables(answer []table) bool {
	now, _ := s.cfg.Clock()
	return s.tables.take(answer, min(now, s.tracker.Now()), s.hold())
}

// wantsOwners says whether somebody looks at who holds sockets.
func (s *Sampler) wantsOwners() bool {
	return !s.want.NoOwners && s.wantedTables()&(model.TableSockets|model.TableUnix) != 0
}

// wantedTables are the tables that are looked at.
func (s *Sampler) wantedTables() model.Tables {
	if s.want.Tables == 0 {
		return model.TableSockets
	}
	return s.want.Tables
}

// confirm asks the kernel for exactly those sockets that a whole dump did not have: a dump may skip one.
func (s *Sampler) confirm() {
	begin, _ := s.cfg.Clock()
	s.tracker.At(begin)
	asked := 0
	var alive []model.Socket
	s.tracker.Missing(func(r *model.Socket) model.Fate {
		now, _ := s.cfg.Clock()
		asked++
		// A connection is found by its ends; for anything else the kernel looks through all it has.
		if asked > askLimit || now-begin > askTime || r.Cookie == 0 || r.Proto != model.TCP || r.RemotePort == 0 {
			return model.Unsure
		}
		kernel := s.spaces.kernelOf(r.NetNS)
		if kernel == nil {
			return model.Unsure
		}
		switch answer, err := kernel.Ask(r.Target()); {
		case err == nil:
			answer.Socket.NetNS = r.NetNS
			alive = append(alive, answer.Socket)
			return model.Alive
		case errors.Is(err, diag.ErrGone):
			return model.Gone
		}
		return model.Unsure
	})
	for i := range alive {
		s.tracker.See(&alive[i])
	}
}

// nameThings looks up the names of users, and of interfaces that sockets are bound to. What cannot be read keeps the names
// it had.
func (s *Sampler) nameThings() {
	users, err := s.cfg.FS.Users()
	s.users = users
	if err != nil {
		s.sources = append(s.sources, model.Source{Name: "users", Err: err})
	}
	if err := s.links.learn(s.tracker.Now(), s.spaces.kernelOf); err != nil {
		s.sources = append(s.sources, model.Source{Name: "interfaces", Err: err})
	}
	if c := s.cfg.Kernel.Congestion(); len(c) != len(s.congestion) {
		s.congestion = slices.Clone(c)
	}
}

// publish puts all that is known now into the mailbox. When the reader holds every snapshot the tick is
// skipped; the next one is complete again.
func (s *Sampler) publish() {
	out := s.blank()
	if out == nil {
		s.skipped++
		return
	}
	s.seq++
	out.Access = s.cfg.Access
	out.Access.NoBytes = s.spaces.home().sockets.noBytes()
	if s.lends {
		s.tracker.Lend(out)
	} else {
		s.tracker.Publish(out)
	}
	out.Seq = s.seq
	out.Hold = s.hold()
	out.Interval, out.Chosen = s.pace.interval, s.pace.chosen
	out.Waited = s.pace.dumps[0]
	out.Took = s.took
	out.Tables = s.wantedTables() & (model.TableSockets | model.TableUnix | model.TableSCTP)
	out.NetNS = s.spaces.publish(out.NetNS, s.tracker)
	out.Users, out.Interfaces, out.Congestion = s.users, s.links.names, s.congestion
	out.Sources = append(append(s.spaces.sources(), s.sources...), s.owners.source, s.spaces.source(), s.owners.naming,
		model.Source{Name: "capabilities", Err: s.cfg.Trouble()})
	s.tables.publish(out, out.Now)
	if s.skipped > 0 {
		out.Sources = append(out.Sources, model.Source{
			Name: "screen", Err: fmt.Errorf("%d samples skipped: the screen held every snapshot", s.skipped),
		})
		s.skipped = 0
	}
	out.Detail = s.detail(out)
	s.put(out)
}

// detail asks for everything about the row in focus, if it is a socket or unix socket of the snapshot.
func (s *Sampler) detail(snap *model.Snapshot) *model.Detail {
	if s.want.Focus == (model.Key{}) {
		return nil
	}
	for i := range snap.Sockets {
		r := &snap.Sockets[i]
		if r.Cookie != s.want.Focus.ID || model.SocketKey(snap, r) != s.want.Focus {
			continue
		}
		d := &model.Detail{Key: s.want.Focus}
		if kernel := s.spaces.kernelOf(r.NetNS); kernel == nil {
			d.Err = errLeft
		} else if answer, err := kernel.Ask(r.Target()); err != nil {
			d.Err = err
		} else {
			d.Figures = answer.Figures
		}
		d.SentRates, d.ReceivedRates = s.tracker.History(r)
		d.Holders = s.details.of(snap.HoldersOf(r))
		return d
	}
	for i := range snap.Unix {
		if r := &snap.Unix[i]; model.UnixKey(snap, r) == s.want.Focus {
			return &model.Detail{Key: s.want.Focus, Holders: s.details.of(snap.HoldersOfUnix(r))}
		}
	}
	return nil
}
