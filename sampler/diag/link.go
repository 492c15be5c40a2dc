package diag

// This file names interfaces: a socket may be bound to one, and its index means something in its own namespace only.

import (
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// LinkName is the name that the interface with this index, as in model.Socket.Interface, has now in the Conn's namespace
// (SIOCGIFNAME, netdevice(7)). It takes no rights and waits for no request, so that a dump's callback may ask for it.
//
// unix.ENODEV: there is none with this index. ErrUnsupported: the kernel refuses to say. fs.ErrClosed: the Conn is closed.
func (c *Conn) LinkName(index uint32) (model.Text, error) {
	name, err := "", error(fs.ErrClosed)
	if !c.closed.Load() {
		name, err = c.transport.LinkName(index)
		err = c.cause(err)
	}
	switch {
	case err == nil:
		return model.SafeText(name), nil
	case refused(err) == ErrUnsupported || err == unix.ENOTTY:
		return model.Text{}, fmt.Errorf("name of interface %d: %w: %w", index, ErrUnsupported, err)
	}
	return model.Text{}, fmt.Errorf("name of interface %d: %w", index, err)
}
