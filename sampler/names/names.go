// Package names turns addresses into host names and ports into service names, off the drawing path.
//
// Host and Service never wait. Host answers from a bounded cache, or asks: a bounded queue, a bounded number
// of look-ups at a time, each with a time limit, and fewer when nobody answers. The screen asks again at its
// next draw, so whatever is dropped costs nothing. Nothing runs before the first question and nothing when
// there is no question left.
//
// Names are foreign text and come out as model.Text. Which rows to ask about, and how a name is shown, is left
// to the screen; so is leaving out the resolver's own sockets, which Own knows.
package names

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"sockview/model"
)

// Config says how names are found. The zero Config is the machine's own way.
type Config struct {
	// Lookup gives the names of an address, the best one first; none, with or without an error, means that it
	// has none. It must end when ctx does. Nil is /etc/hosts and the DNS servers of /etc/resolv.conf.
	Lookup func(ctx context.Context, addr netip.Addr) ([]string, error)
	// Services is the file of service names; "" is /etc/services.
	Services string
	Hosts    string // the file of hosts' names; "" is /etc/hosts
	Networks string // the file of networks' names; "" is /etc/networks
	// Go starts f in a goroutine. Nil is `go f()`.
	Go func(f func())
	// Now is the clock; nil is time.Now.
	Now func() time.Time

	Workers int           // look-ups at a time; 0 is 8
	Queue   int           // questions that wait; 0 is 256
	Cache   int           // answers that are kept; 0 is 4096
	Timeout time.Duration // of one look-up; 0 is 2 s
	TTL     time.Duration // for which a name holds; 0 is 10 min
	NoTTL   time.Duration // for which "it has no name" holds; 0 is 5 min
	FailTTL time.Duration // for which a look-up that failed is not repeated; 0 is 30 s
}

func (c Config) withDefaults() Config {
	atLeastOne := func(n *int, otherwise int) {
		if *n <= 0 {
			*n = otherwise
		}
	}
	positive := func(d *time.Duration, otherwise time.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	atLeastOne(&c.Workers, 8)
	atLeastOne(&c.Queue, 256)
	atLeastOne(&c.Cache, 4096)
	positive(&c.Timeout, 2*time.Second)
	positive(&c.TTL, 10*time.Minute)
	positive(&c.NoTTL, 5*time.Minute)
	positive(&c.FailTTL, 30*time.Second)
	if c.Services == "" {
		c.Services = "/etc/services"
	}
	if c.Hosts == "" {
		c.Hosts = "/etc/hosts"
	}
	if c.Networks == "" {
		c.Networks = "/etc/networks"
	}
	if c.Go == nil {
		c.Go = func(f func()) { go f() }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Resolver finds names. It is safe for any number of goroutines.
type Resolver struct {
	config  Config
	open    context.Context // done after Close
	close   context.CancelFunc
	changed chan struct{}
	own     cookies

	services struct {
		once  sync.Once
		table services
		err   error
	}

	hosts    hostsFile
	networks struct {
		once  sync.Once
		names map[model.Addr]model.Text
	}

	mu      sync.Mutex
	cache   cache
	queue   queue
	working int // look-ups under way, or about to be
	silence silence
}

// New makes a Resolver. It does nothing before the first question.
func New(c Config) *Resolver {
	r := &Resolver{config: c.withDefaults(), changed: make(chan struct{}, 1)}
	if r.config.Lookup == nil {
		r.config.Lookup = r.lookupDNS
	}
	r.open, r.close = context.WithCancel(context.Background())
	r.cache.limit = r.config.Cache
	r.queue.limit = r.config.Queue
	return r
}

// Changed receives after a name was learned or changed, at once for any number of them: time to draw again.
func (r *Resolver) Changed() <-chan struct{} { return r.changed }

// Close ends the look-ups under way and asks no more. It does not wait. What is known can still be had.
func (r *Resolver) Close() { r.close() }

// Host is the name of a, from the cache; false means that none is known, or none yet, and it was asked for if
// that makes sense. It never blocks. A name past its time is still given while it is looked up anew.
func (r *Resolver) Host(a model.Addr) (model.Text, bool) {
	if !isHost(a) {
		return model.Text{}, false
	}
	now := r.config.Now()
	if name := r.hosts.name(r.config.Hosts, a, now); !name.Empty() {
		return name, true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.cache.look(a)
	if e == nil || now.After(e.until) {
		r.ask(a, now)
	}
	if e == nil || e.name.Empty() {
		return model.Text{}, false
	}
	return e.name, true
}

// isHost says whether a can have a name: any address of a machine or a multicast group. That of loopback is in
// /etc/hosts, as any other may be.
func isHost(a model.Addr) bool {
	ip := a.Netip()
	return !ip.IsUnspecified() && ip != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// ask queues a question and sees to it that somebody works on it. r.mu is held.
func (r *Resolver) ask(a model.Addr, now time.Time) {
	if r.open.Err() != nil || !r.silence.over(now) {
		return
	}
	if !r.queue.add(a) {
		return // waits already, or is being looked up
	}
	if r.working < r.workers() {
		r.working++
		r.config.Go(r.work)
	}
}

// workers is how many look-ups there may be at a time: one, as a probe, while nobody answers. r.mu is held.
func (r *Resolver) workers() int {
	if r.silence.suspected() {
		return 1
	}
	return r.config.Workers
}

// work looks up what is in the queue and ends when nothing is.
func (r *Resolver) work() {
	for {
		a, ok := r.next()
		if !ok {
			return
		}
		ctx, cancel := context.WithTimeout(r.open, r.config.Timeout)
		names, err := r.config.Lookup(ctx, a.Netip())
		late := ctx.Err() != nil
		cancel()
		r.learn(a, names, err, late)
	}
}

// next takes the question that was asked last: that is what is on the screen now.
func (r *Resolver) next() (model.Addr, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open.Err() != nil || !r.silence.over(r.config.Now()) {
		r.queue.clear()
	}
	if r.working <= r.workers() {
		if a, ok := r.queue.take(); ok {
			return a, true
		}
	}
	r.working--
	return model.Addr{}, false
}

// learn keeps an answer, or that there was none.
func (r *Resolver) learn(a model.Addr, names []string, err error, late bool) {
	now := r.config.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue.done(a)
	if r.open.Err() != nil {
		return // it did not end by itself
	}
	var was model.Text
	if old := r.cache.look(a); old != nil {
		was = old.name
	}
	name := choose(a, names, was)
	switch {
	case !name.Empty():
		r.silence.broken()
		r.cache.keep(a, name, now.Add(r.config.TTL))
	case isFailure(err, late):
		r.silence.more(now, err)
		name = was // nothing was learned: an old name stands a while longer
		r.cache.keep(a, name, now.Add(r.config.FailTTL))
	default:
		r.silence.broken()
		r.cache.keep(a, name, now.Add(r.config.NoTTL))
	}
	if name == was {
		return
	}
	select {
	case r.changed <- struct{}{}:
	default: // it is told already
	}
}

// Err says what is wrong with finding names now, in one line, or nil: nobody answers, or the services file
// cannot be read.
func (r *Resolver) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.silence.err(); err != nil {
		return err
	}
	return r.services.err
}
