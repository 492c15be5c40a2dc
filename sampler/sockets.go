package sampler

// Which dumps make the table of sockets, and where each comes from.

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sockview/model"
	"sockview/sampler/diag"
	"sockview/sampler/procnet"
)

// request is one dump of a poll.
type request struct {
	name   string
	proto  model.Proto
	family model.Family
}

// requests are the dumps of every poll, then those of protocols that have sockets on few hosts: these are made
// only where the kernel counts some, since each walks a whole hash.
var requests = [...]request{
	{"TCP", model.TCP, model.AnyFamily},
	{"UDP IPv4", model.UDP, model.IPv4},
	{"UDP IPv6", model.UDP, model.IPv6},
	{"UDP-Lite IPv4", model.UDPLite, model.IPv4},
	{"UDP-Lite IPv6", model.UDPLite, model.IPv6},
	{"raw IPv4", model.Raw, model.IPv4},
	{"raw IPv6", model.Raw, model.IPv6},
	{"SCTP IPv4", model.SCTP, model.IPv4},
	{"SCTP IPv6", model.SCTP, model.IPv6},
}

// apart are requests[0] in two, for where it is not answered.
var apart = [...]request{
	{"TCP IPv4", model.TCP, model.IPv4},
	{"TCP IPv6", model.TCP, model.IPv6},
}

// eachFamily are the requests, each for one family.
func eachFamily() []request { return slices.Concat(apart[:], requests[1:]) }

// families are those that a request is about.
func (q request) families() []model.Family {
	if q.family == model.AnyFamily {
		return []model.Family{model.IPv4, model.IPv6}
	}
	return []model.Family{q.family}
}

// sockets dumps the sockets of each protocol in one network namespace.
type sockets struct {
	kernel  Asker
	net     procnet.FS
	lacks   map[request]error // what sock_diag does not know or refuses, and why: it is not asked again
	loaded  *loaded           // one for all namespaces
	read    time.Duration     // how long reading /proc/net took, in all
	sctp    bool              // SCTP was asked for by name
	wholeAt map[string]int64
	used    procnet.Counts
	usedErr error

	// foreign: it is another namespace than our own, whose counts are not known; what was read from net is of it if still
	// says so after.
	foreign bool
	still   func() bool
	held    []model.Socket // what was read before that was known
}

func newSockets(kernel Asker, net procnet.FS, loaded *loaded) *sockets {
	return &sockets{kernel: kernel, net: net, loaded: loaded, wholeAt: make(map[string]int64), lacks: make(map[request]error)}
}

// loaded says which protocols the kernel has loaded, as /proc/net of our own namespace has it: that is the host's affair.
type loaded struct {
	path   string
	at     int64 // when it was looked at
	looked bool
	there  bool
}

func newLoaded(dir string) *loaded { return &loaded{path: filepath.Join(dir, "sctp")} }

// sctp says whether there may be SCTP sockets; it is looked at once in a poll.
func (l *loaded) sctp(now int64) bool {
	if !l.looked || l.at != now {
		_, err := os.Stat(l.path)
		l.there, l.at, l.looked = err == nil, now, true
	}
	return l.there
}

// begin begins a poll: what is rare is counted first, for it is asked for only where there is any.
func (s *sockets) begin(sctp bool) {
	s.sctp = sctp
	if s.used, s.usedErr = (procnet.Counts{}), errForeign; !s.foreign {
		s.used, s.usedErr = s.net.InUse()
	}
}

// errForeign: asking costs little, and there is no need to keep two more files open for it.
var errForeign = errors.New("not counted in another namespace")

// maxExpected bounds the room that is made before anything was seen.
const maxExpected = 1 << 20

// dump makes one dump. It says whether the answer was whole, so that what was not in it is gone; the source
// has no name when nothing had to be asked.
func (s *sockets) dump(q request, now int64, see func(*model.Socket)) (source model.Source, whole bool) {
	source = model.Source{Name: q.name, Of: model.TableSockets}
	switch q.proto {
	case model.UDPLite, model.Raw:
		if s.usedErr == nil && s.inUse(q) == 0 {
			return model.Source{}, true
		}
	case model.SCTP:
		// Asking where SCTP is not loaded would have the kernel load it.
		if !s.loaded.sctp(now) {
			return s.withoutSCTP(q), true
		}
	}
	bad, err := s.ask(q, see)
	if source.Err = err; errors.Is(err, errNeither) {
		switch {
		case q.proto == model.SCTP:
			return s.withoutSCTP(q), true
		case q.proto != model.TCP && q.proto != model.UDP, q.family == model.IPv6:
			return model.Source{}, true // the kernel is built without it: there are no such sockets
		}
	}
	if source.Err == nil {
		s.wholeAt[q.name] = now
	}
	source.Bad, source.Absent = bad, unsupported(source.Err)
	if at := s.wholeAt[q.name]; at > 0 && !source.Absent {
		source.Age = now - at
	}
	// One that did not parse is among those not seen: they may all live.
	return source, source.Err == nil && bad == 0
}

// inUse is how many sockets the kernel counts that this dump would give.
func (s *sockets) inUse(q request) int {
	switch {
	case q.proto == model.Raw && q.family == model.IPv4:
		return s.used.Raw
	case q.proto == model.Raw:
		return s.used.Raw6
	case q.family == model.IPv4:
		return s.used.UDPLite
	}
	return s.used.UDPLite6
}

// withoutSCTP is the source of a kernel without SCTP: it has no name, and so is not told of, unless it was asked for.
func (s *sockets) withoutSCTP(q request) model.Source {
	if !s.sctp || q.family != model.IPv4 {
		return model.Source{}
	}
	return model.Source{Name: "SCTP", Of: model.TableSCTP, Err: errNoSCTP, Absent: true}
}

var errNoSCTP = errors.New("this kernel has no SCTP")

// errNeither says that neither sock_diag nor /proc/net have such sockets.
var errNeither = errors.New("neither sock_diag nor /proc/net tell of it")

// split says whether TCP has to be asked for in each family by itself.
func (s *sockets) split(q request) bool { return q.family == model.AnyFamily && s.lacks[q] != nil }

// ask dumps by sock_diag, or from /proc/net where sock_diag does not know the protocol or is refused. The tables there
// tell less, no bytes above all, and their sockets have no cookie; so one that sock_diag answered for once stays its.
func (s *sockets) ask(q request, see func(*model.Socket)) (bad int, err error) {
	why := s.lacks[q]
	if why == nil {
		result, err := s.kernel.Dump(q.proto, q.family, see)
		if _, answered := s.wholeAt[q.name]; answered || !errors.Is(err, diag.ErrUnsupported) {
			return result.Bad, err
		}
		s.lacks[q], why = err, err
	}
	if s.split(q) {
		return 0, why
	}
	began := time.Now()
	result, err := s.readTable(q, see)
	s.read += time.Since(began)
	if errors.Is(err, procnet.ErrUnsupported) {
		err = fmt.Errorf("%w: %w", errNeither, why)
	}
	return result.Bad, err
}

// readTable reads a table of /proc/net.
func (s *sockets) readTable(q request, see func(*model.Socket)) (procnet.Result, error) {
	if s.still == nil {
		return s.net.Dump(q.proto, q.family, see)
	}
	s.held = s.held[:0]
	result, err := s.net.Dump(q.proto, q.family, func(r *model.Socket) { s.held = append(s.held, *r) })
	if !s.still() {
		return procnet.Result{}, errMoved
	}
	for i := range s.held {
		see(&s.held[i])
	}
	return result, err
}

// errMoved: what was read may be about another namespace.
var errMoved = errors.New("the process that it was read through has ended")

// noBytes is why the bytes of TCP connections are not known: sock_diag does not answer for them. Nil: it does.
func (s *sockets) noBytes() error { return s.lacks[apart[0]] }

// unixSockets reads the unix sockets.
type unixSockets struct {
	kernel  Asker
	rows    []model.UnixSocket
	wholeAt int64
}

// look reads the unix sockets of a namespace.
func (u *unixSockets) look(now int64) (source model.Source, whole bool) {
	u.rows = u.rows[:0]
	result, err := u.kernel.DumpUnix(func(r *model.UnixSocket) { u.rows = append(u.rows, *r) })
	if err == nil {
		u.wholeAt = now
	}
	source = model.Source{Name: "unix", Of: model.TableUnix, Err: err, Bad: result.Bad, Absent: unsupported(err)}
	if u.wholeAt > 0 && !source.Absent {
		source.Age = now - u.wholeAt
	}
	return source, err == nil && result.Bad == 0
}
