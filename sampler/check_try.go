package sampler

// Trying: each thing that sockview does is done once, on sockets and descriptors of the check's own, so that nothing
// of the system is any different afterwards.

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"sockview/model"
	"sockview/sampler/diag"
	"sockview/sampler/host"
	"sockview/sampler/proc"
	"sockview/sampler/procnet"
)

// errNotLoaded: it was not asked, since asking would have the kernel load a module.
var errNotLoaded = errors.New("the module is not loaded")

// outcome is what trying came to. An error that is nil means that it can be had.
type outcome struct {
	diag   error            // opening sock_diag
	dumps  map[string]error // by requests' names, and "unix"
	inUse  procnet.Counts
	listed map[string]bool // requests that /proc/net has a table for
	sctp   bool            // it is loaded

	pair      error // making a connection over loopback; what follows was tried on it, else not
	figures   model.Has
	figureErr error
	destroy   error // closing it; without one: closing what does not exist, fs.ErrPermission untold
	closed    bool  // the answer to destroy is about a connection

	events     error
	namespaces error
	pidfd      error
	flows      error
	links      error
	statistics error
	services   error
	settled    error // what could not be given up
	unable     error // why sockview refuses to run at all
	processes  processes
}

// processes is how far one may look into them. Kernel threads, which hold no files, and sockview are left out.
type processes struct {
	err            error
	own, others    int // of this user, and of others
	seen           int // others whose descriptors can be read
	signalled      int // others that a signal could be sent to
	first, cmdline error
}

// try does it all.
func try(m *machine, netDir string) outcome {
	o := outcome{dumps: map[string]error{}, listed: map[string]bool{}}
	o.sockets(m, netDir)
	o.sctp = exists(netDir + "/sctp")
	if load, _ := m.modules.wouldLoad("inet_diag"); load { // joining loads it (sock_diag_bind)
		o.events = errNotLoaded
	} else {
		o.events = subscribe()
	}
	o.namespaces = enterOwn()
	o.pidfd = ownPidfd()
	o.processes = lookIntoProcesses("/proc", m.uid)
	h := host.New(netDir)
	defer h.Close()
	_, _, o.links = h.Links()
	_, _, o.statistics = h.Statistics()
	if load, _ := m.modules.wouldLoad("nf_conntrack_netlink"); load {
		o.flows = errNotLoaded
	} else {
		o.flows = h.FlowsRefusal()
	}
	_, o.services = os.Stat("/etc/services")
	return o
}

// diagModules are the kernel's modules that answer for a protocol.
var diagModules = map[model.Proto]string{
	model.TCP: "tcp_diag", model.UDP: "udp_diag", model.UDPLite: "udp_diag", model.Raw: "raw_diag", model.SCTP: "sctp_diag",
}

// sockets asks for the sockets of each protocol, and for one of its own in all that can be asked.
func (o *outcome) sockets(m *machine, netDir string) {
	for _, q := range eachFamily() {
		o.listed[q.name] = q.proto != model.SCTP && exists(netDir+"/"+tableName(q))
	}
	var conn *diag.Conn
	if conn, o.diag = diag.Open(); o.diag != nil {
		return
	}
	defer conn.Close()                      //nolint:errcheck // nothing was written that could be lost
	o.inUse, _ = procnet.At(netDir).InUse() // else none are in use, as far as can be told
	conn.Bare(true)
	for _, q := range eachFamily() {
		if q.proto == model.SCTP {
			continue
		}
		o.dumps[q.name] = askOnce(m, q, func() error {
			_, err := conn.Dump(q.proto, q.family, func(*model.Socket) {})
			return err
		})
	}
	if load, _ := m.modules.wouldLoad("unix_diag"); load {
		o.dumps["unix"] = errNotLoaded
	} else {
		_, o.dumps["unix"] = conn.DumpUnix(func(*model.UnixSocket) {})
	}
	o.connection(conn)
}

// tableName is the file of /proc/net for a request.
func tableName(q request) string {
	name := map[model.Proto]string{model.TCP: "tcp", model.UDP: "udp", model.UDPLite: "udplite", model.Raw: "raw"}[q.proto]
	if q.family == model.IPv6 {
		name += "6"
	}
	return name
}

// askOnce asks unless that would load a module. Where that cannot be told, it asks for what every poll asks for, and for
// nothing else.
func askOnce(m *machine, q request, ask func() error) error {
	load, known := m.modules.wouldLoad(diagModules[q.proto])
	if load || !known && q.proto == model.Raw {
		return errNotLoaded
	}
	return ask()
}

// connection makes a connection to itself, asks for all there is about it and closes it the way that the screen does.
func (o *outcome) connection(conn *diag.Conn) {
	if errors.Is(o.dumps["TCP IPv4"], errNotLoaded) {
		o.pair = errNotLoaded
		return
	}
	var target model.CloseTarget
	var closeAll func()
	if target, closeAll, o.pair = loopback(); o.pair != nil {
		// Nothing has this cookie: the answer is whether the kernel knows the request, and no more.
		none := model.AddrFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
		o.destroy = conn.Destroy(model.CloseTarget{
			Proto: model.TCP, Family: model.IPv4, State: model.Established,
			Local: none, Remote: none, LocalPort: 1, RemotePort: 1, Cookie: 1 << 63,
		})
		if errors.Is(o.destroy, diag.ErrGone) {
			o.destroy = nil
		}
		return
	}
	defer closeAll()
	answer, err := conn.Ask(target)
	if o.figureErr = err; err != nil {
		return
	}
	o.figures, o.closed = answer.Socket.Has, true
	o.destroy = conn.Destroy(answer.Socket.Target())
}

// loopbackPatience is how long a connection over loopback may take, which is none but where it is down or filtered.
const loopbackPatience = 500 * time.Millisecond

// loopback is a connection of its own, from this process to itself.
func loopback() (t model.CloseTarget, closeAll func(), err error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return t, nil, err
	}
	client, err := net.DialTimeout("tcp4", listener.Addr().String(), loopbackPatience)
	if err != nil {
		listener.Close() //nolint:errcheck // it never took a connection
		return t, nil, err
	}
	near, far := client.LocalAddr().(*net.TCPAddr).AddrPort(), client.RemoteAddr().(*net.TCPAddr).AddrPort()
	return model.CloseTarget{
			Proto: model.TCP, Family: model.IPv4, State: model.Established,
			Local: model.AddrFrom(near.Addr()), LocalPort: near.Port(), Remote: model.AddrFrom(far.Addr()), RemotePort: far.Port(),
		}, func() {
			client.Close()   //nolint:errcheck // nothing was sent
			listener.Close() //nolint:errcheck // likewise
		}, nil
}

// The groups of linux/sock_diag.h that tell of sockets that are closed.
var destroyGroups = [...]int{1, 2, 3, 4} // SKNLGRP_INET_TCP_DESTROY, INET_UDP, INET6_TCP, INET6_UDP

// subscribe takes part in the events of closed sockets, and no more.
func subscribe() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return fmt.Errorf("open sock_diag: %w", err)
	}
	defer unix.Close(fd) //nolint:errcheck // nothing to lose
	for _, group := range destroyGroups {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
			return fmt.Errorf("join group %d: %w", group, err)
		}
	}
	return nil
}

// enterOwn enters the network namespace that the thread is in: the kernel asks for the same rights as for any of this
// user namespace, and nothing changes.
func enterOwn() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open /proc/thread-self/ns/net: %w", err)
	}
	defer unix.Close(fd) //nolint:errcheck // opened for reading only
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("setns: %w", err)
	}
	return nil
}

// ownPidfd opens a pidfd of this process and sends it no signal (0), which only asks for the right to.
func ownPidfd() error {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return fmt.Errorf("pidfd_open: %w", err)
	}
	defer unix.Close(fd) //nolint:errcheck // nothing to lose
	if err := unix.PidfdSendSignal(fd, 0, nil, 0); err != nil {
		return fmt.Errorf("pidfd_send_signal: %w", err)
	}
	return nil
}

// errNoProc: at least this process would be there.
var errNoProc = errors.New("/proc has no processes: it is not mounted")

// lookIntoProcesses tries on every process what owners and signals take: to read one of its descriptors' links, and
// whether it might be signalled (signal 0 is sent to nobody).
func lookIntoProcesses(root string, uid int) processes {
	var p processes
	entries, err := os.ReadDir(root)
	if err != nil {
		p.err = err
		return p
	}
	look := proc.At(root)
	p.err = errNoProc
	for _, e := range entries {
		pid, err := strconv.ParseInt(e.Name(), 10, 32)
		if err != nil {
			continue
		}
		if p.err = nil; int(pid) == os.Getpid() {
			continue
		}
		stat, err := look.Stat(int32(pid))
		if err != nil || stat.Kernel || stat.Dead() {
			continue // it is gone, or holds nothing
		}
		own, readable, err := readsDescriptors(root+"/"+e.Name(), uid)
		if err != nil {
			continue // it is gone
		}
		if own {
			p.own++
			continue
		}
		p.others++
		if readable {
			p.seen++
		}
		if syscall.Kill(int(pid), 0) == nil {
			p.signalled++
		}
	}
	if _, p.first = os.Stat(root + "/1"); p.first == nil {
		_, p.cmdline = os.ReadFile(root + "/1/cmdline")
	}
	return p
}

// readsDescriptors says whether the process is this user's, and whether its descriptors can be read: of one without
// any, whether they could be. A process that may not be dumped counts as root's, for its own user may not look into it
// either. The error is of one that is gone.
func readsDescriptors(dir string, uid int) (own, readable bool, err error) {
	info, err := os.Stat(dir)
	if err != nil {
		return false, false, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	own = ok && int(st.Uid) == uid
	f, err := os.Open(dir + "/fd")
	if err == nil {
		defer f.Close() //nolint:errcheck // opened for reading only
		var names []string
		if names, err = f.Readdirnames(1); len(names) > 0 {
			_, err = os.Readlink(dir + "/fd/" + names[0])
		}
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return own, false, nil
	case err == nil, errors.Is(err, io.EOF):
		return own, true, nil
	case errors.Is(err, fs.ErrNotExist) && exists(dir): // it closed that one meanwhile
		return own, true, nil
	}
	return false, false, err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// refusedBy says whether the kernel's answer is one of these.
func refusedBy(err error, errnos ...syscall.Errno) bool {
	return slices.ContainsFunc(errnos, func(e syscall.Errno) bool { return errors.Is(err, e) })
}
