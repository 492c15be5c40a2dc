package names

// The look-up itself, and which sockets it used.

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// lookupDNS asks /etc/hosts and the DNS servers of /etc/resolv.conf, by Go's own resolver: libc's cannot be
// ended in the middle, and would hide its sockets.
func (r *Resolver) lookupDNS(ctx context.Context, addr netip.Addr) ([]string, error) {
	return dnsResolver(&r.own, "").LookupAddr(ctx, addr.String())
}

// dnsResolver notes the sockets it makes in own. With server set it asks that one instead of the configured.
func dnsResolver(own *cookies, server string) *net.Resolver {
	dialer := net.Dialer{Control: own.note}
	return &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if server != "" {
				address = server
			}
			c, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			// The resolver itself minds ctx's deadline, not its end. It ends this ctx after each exchange.
			context.AfterFunc(ctx, func() { c.Close() }) //nolint:errcheck // mostly closed already
			return c, nil
		},
	}
}

// maxOwn is how many of our own sockets are remembered: those of the last few hundred look-ups. A look-up's
// UDP socket is gone after seconds.
const maxOwn = 1024

// cookies remembers the sockets of our own look-ups by their cookie (SO_COOKIE), the name sock_diag gives them.
type cookies struct {
	any  atomic.Bool // spares the lock while names are off
	mu   sync.RWMutex
	ring [maxOwn]uint64
	next int
	set  map[uint64]struct{}
}

// note is a net.Dialer's Control: the socket exists but has no port yet, so no dump can show it before it is
// remembered.
func (c *cookies) note(_, _ string, raw syscall.RawConn) error {
	var cookie uint64
	var failed error
	if err := raw.Control(func(fd uintptr) {
		cookie, failed = unix.GetsockoptUint64(int(fd), unix.SOL_SOCKET, unix.SO_COOKIE)
	}); err != nil {
		return fmt.Errorf("socket of a look-up: %w", err)
	}
	if failed != nil || cookie == 0 {
		return nil // Linux before 4.12: the socket is shown, which is better than no name
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.set == nil {
		c.set = make(map[uint64]struct{}, maxOwn)
	}
	delete(c.set, c.ring[c.next])
	c.ring[c.next] = cookie
	c.set[cookie] = struct{}{}
	c.next = (c.next + 1) % maxOwn
	c.any.Store(true)
	return nil
}

// Own says whether the socket with this cookie is one of the resolver's own, so that it can be left out of what
// is shown. The last 1024 are known.
func (r *Resolver) Own(cookie uint64) bool {
	c := &r.own
	if !c.any.Load() || cookie == 0 {
		return false
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	_, own := c.set[cookie]
	return own
}
