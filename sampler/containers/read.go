package containers

// The files as they lie there: which there are, and reading one that changed, within bounds.

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// reader is one look.
type reader struct {
	root  string
	known known
	names map[string]string // the ids that are wanted, "" while without a name
	open  int               // how many have none
	ran   []container       // with addresses
	errs  []error
}

// errBig says that a file is longer than it may be.
var errBig = errors.New("longer than it may be")

// file reads a whole file of at most limit bytes, or what was read of it the last time. It follows no link in its last
// element, and waits for no FIFO.
func file[T any](r *reader, path string, limit int64, was cached[T], parse func([]byte) (T, error)) (cached[T], bool) {
	fd, err := unix.Open(filepath.Join(r.root, path), unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return cached[T]{}, r.note(path, err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return cached[T]{}, r.note(path, err)
	}
	c := cached[T]{ident: identOf(&st), seen: true}
	switch {
	case was.seen && was.ident == c.ident:
		c.value, c.err = was.value, was.err
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		c.err = errors.New("not a file")
	case st.Size > limit:
		c.err = errBig
	default:
		var raw []byte
		if raw, c.err = io.ReadAll(io.LimitReader(f, limit)); c.err == nil {
			c.value, c.err = parse(raw)
		}
	}
	if c.err != nil {
		r.note(path, c.err)
	}
	return c, true
}

func identOf(st *unix.Stat_t) ident {
	return ident{dev: uint64(st.Dev), ino: st.Ino, size: st.Size, mtime: st.Mtim, ctime: st.Ctim}
}

// maxErrors is how many files are named that make no sense.
const maxErrors = 3

// note keeps an error that is worth telling. It is false.
func (r *reader) note(path string, err error) bool {
	if !nothing(err) && len(r.errs) < maxErrors {
		r.errs = append(r.errs, fmt.Errorf("/%s: %w", strings.TrimPrefix(path, "/"), err))
	}
	return false
}

// give names a container, unless it has a name.
func (r *reader) give(id, name string) {
	if was, wanted := r.names[id]; wanted && was == "" && name != "" {
		r.names[id] = name
		r.open--
	}
}

// list is the entries of a directory, bounded.
func (r *reader) list(path string, limit int) []string {
	d, err := os.Open(filepath.Join(r.root, path))
	if err != nil {
		r.note(path, err)
		return nil
	}
	defer d.Close()
	names, err := d.Readdirnames(limit)
	if err != nil && !errors.Is(err, io.EOF) {
		r.note(path, err)
	}
	return names
}

// podLinks reads the links that the kubelet keeps for whoever collects logs: POD_NAMESPACE_CONTAINER-ID.log.
func (r *reader) podLinks() {
	const dir = "var/log/containers"
	var st unix.Stat_t
	if err := unix.Stat(filepath.Join(r.root, dir), &st); err != nil {
		r.note(dir, err)
		return
	}
	// a directory changes when a link comes or goes; one of the same clock tick changes nothing that can be seen
	c := cached[map[string]string]{ident: identOf(&st), seen: true}
	if was := r.known.pods; was.seen && was.ident == c.ident && r.hasAll(was.value) {
		c.value = was.value
	} else {
		c.value = make(map[string]string)
		for _, name := range r.list(dir, maxListed) {
			if id, pod, ok := parsePodLink(name); ok {
				c.value[id] = pod
			}
		}
	}
	r.known.pods = c
	for id := range r.names {
		r.give(id, c.value[id])
	}
}

// hasAll says whether every container that is wanted is among these: else it is worth while to look again.
func (r *reader) hasAll(pods map[string]string) bool {
	for id := range r.names {
		if pods[id] == "" {
			return false
		}
	}
	return true
}

// dockers are the directories that docker keeps its containers in: the usual one, a snap's, the one it was told.
func (r *reader) dockers() []string {
	dirs := []string{"var/lib/docker", "var/snap/docker/common/var-lib-docker"}
	if c, ok := file(r, "etc/docker/daemon.json", maxConfig, r.known.daemon, parseDaemon); ok {
		r.known.daemon = c
		if c.value != "" && !slices.Contains(dirs, strings.TrimPrefix(c.value, "/")) {
			dirs = append(dirs, c.value)
		}
	}
	return dirs
}

// docker reads ID/config.v2.json of the containers that are wanted; of all where addresses are.
func (r *reader) docker(dir, prefix string, addresses bool) {
	dir = filepath.Join(dir, "containers")
	if err := unix.Access(filepath.Join(r.root, dir), unix.F_OK); err != nil {
		r.note(dir, err)
		return
	}
	var ids []string
	if addresses {
		ids = slices.DeleteFunc(r.list(dir, maxListed), func(id string) bool { return !IsID(id) })
	} else {
		for id, name := range r.names {
			if name == "" {
				ids = append(ids, id)
			}
		}
	}
	for _, id := range ids {
		path := filepath.Join(dir, id, "config.v2.json")
		c, ok := file(r, path, maxConfig, r.known.docker[path], parseDocker)
		if !ok {
			delete(r.known.docker, path)
			continue
		}
		r.known.docker[path] = c
		for _, found := range c.value {
			if found.id != id {
				continue
			}
			r.give(id, prefixed(prefix, found.name))
			if addresses && found.running {
				found.name = prefixed(prefix, found.name)
				if pod := r.known.pods.value[id]; pod != "" {
					found.name = pod
				}
				r.ran = append(r.ran, found)
			}
		}
	}
}

func prefixed(prefix, name string) string {
	if name == "" {
		return ""
	}
	return prefix + name
}

// podman reads what containers/storage keeps of the containers of podman and cri-o, whichever way it stores them.
func (r *reader) podman(storage, prefix string) {
	for _, driver := range []string{"overlay", "vfs", "btrfs", "zfs"} {
		for _, name := range []string{"containers.json", "volatile-containers.json"} {
			if r.open == 0 {
				return
			}
			path := filepath.Join(storage, driver+"-containers", name)
			c, ok := file(r, path, maxStore, r.known.stores[path], parseStore)
			if !ok {
				delete(r.known.stores, path)
				continue
			}
			r.known.stores[path] = c
			for _, found := range c.value {
				r.give(found.id, prefixed(prefix, found.name))
			}
		}
	}
}

type user struct{ name, home string }

// users are those who have a runtime of their own, as far as they are logged in or linger: without that it has no
// directory to run in (systemd's /run/user/UID). So nobody's home is mounted for our sake.
func (r *reader) users() []user {
	var out []user
	uids := r.list("run/user", maxUsers)
	if len(uids) == 0 {
		return nil
	}
	c, ok := file(r, "etc/passwd", maxConfig, r.known.passwd, parseHomes)
	if !ok {
		return nil
	}
	r.known.passwd = c
	slices.Sort(uids)
	for _, uid := range uids {
		if _, err := strconv.ParseUint(uid, 10, 32); err != nil {
			continue
		}
		if name, home, ok := strings.Cut(c.value[uid], ":"); ok && filepath.IsAbs(home) {
			out = append(out, user{name, home})
		}
	}
	return out
}

// at is which container runs at an address. One that two claim is nobody's.
func (r *reader) at() map[netip.Addr]model.Text {
	out := make(map[netip.Addr]model.Text)
	owner := make(map[netip.Addr]string)
	for _, c := range r.ran {
		for _, addr := range c.address {
			if was, taken := owner[addr]; taken && was != c.id {
				delete(out, addr)
				continue
			}
			owner[addr] = c.id
			if c.name != "" {
				out[addr] = model.SafeText(c.name)
			}
		}
	}
	return out
}
