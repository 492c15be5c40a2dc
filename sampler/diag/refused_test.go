package diag

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sockview/model"
)

func TestFault12Refused(t *testing.T) {
	for _, errno := range []error{unix.EPERM, unix.EPROTONOSUPPORT, unix.EAFNOSUPPORT, unix.EACCES} {
		c := Refused(openError(fmt.Errorf("socket: %w", errno)))
		see := func(*model.Socket) { t.Error("a socket came") }
		if res, err := c.Dump(model.TCP, model.IPv4, see); res != (Result{}) || !errors.Is(err, ErrUnsupported) ||
			!strings.Contains(err.Error(), errno.Error()) {
			t.Errorf("%v: a dump says %+v, %v", errno, res, err)
		}
		if _, err := c.DumpUnix(func(*model.UnixSocket) { t.Error("a unix socket came") }); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%v: a dump of unix sockets says %v", errno, err)
		}
		target := model.CloseTarget{Proto: model.TCP, Family: model.IPv4, Cookie: 1, LocalPort: 1, RemotePort: 2}
		if err := c.Destroy(target); err == nil {
			t.Errorf("%v: a socket was closed", errno)
		}
		if _, err := c.NetNSCookie(); err == nil {
			t.Errorf("%v: a namespace", errno)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestRefusedForWantOfMore: what keeps a socket from being opened may be no word about sock_diag; whoever asks goes another way
// all the same.
func TestRefusedForWantOfMore(t *testing.T) {
	for _, why := range []error{unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM, errors.New("too many")} {
		_, err := Refused(fmt.Errorf("socket: %w", why)).Dump(model.TCP, model.IPv4, func(*model.Socket) { t.Error("a socket came") })
		if !errors.Is(err, ErrUnsupported) {
			t.Errorf("%v: a dump says %v", why, err)
		}
	}
}
