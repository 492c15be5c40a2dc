// /etc/passwd: the names of users. Read without libc, so names that only a directory service knows stay
// numbers.

package proc

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"sockview/model"
)

const (
	maxPasswd     = 8 << 20 // bytes of it that are read
	maxPasswdLine = 4 << 10 // bytes; a longer line is skipped
	maxUsers      = 1 << 16
)

// passwd is the file as last read.
type passwd struct {
	mu    sync.Mutex
	names map[uint32]model.Text
	mtime time.Time
	size  int64
	inode uint64
}

// Users are the names in /etc/passwd by user id. The map is shared and must not be changed. It is read
// again when the file has changed; when that fails the error comes with the names as last known. A user
// who is not in it has no name.
func (fs FS) Users() (map[uint32]model.Text, error) {
	u := &fs.shared.users
	u.mu.Lock()
	defer u.mu.Unlock()
	path := filepath.Join(fs.etc, "passwd")
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return u.names, fmt.Errorf("user names: %s: %w", path, err)
	}
	mtime := time.Unix(st.Mtim.Unix())
	if u.names != nil && mtime.Equal(u.mtime) && st.Size == u.size && st.Ino == u.inode {
		return u.names, nil
	}
	// O_NONBLOCK: what is no regular file must not block
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return u.names, fmt.Errorf("user names: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return u.names, fmt.Errorf("user names: %w", err)
	} else if !info.Mode().IsRegular() {
		return u.names, fmt.Errorf("user names: %s is no regular file", path)
	}
	names, err := parsePasswd(io.LimitReader(f, maxPasswd))
	if err != nil {
		return u.names, fmt.Errorf("user names: %s: %w", path, err)
	}
	u.names, u.mtime, u.size, u.inode = names, mtime, st.Size, st.Ino
	return names, nil
}

// parsePasswd reads lines of name:password:uid:... (passwd(5)). As with getpwuid the first name of a user id
// counts, and a line that is none is skipped.
func parsePasswd(r io.Reader) (map[uint32]model.Text, error) {
	names := make(map[uint32]model.Text)
	lines := bufio.NewReaderSize(r, maxPasswdLine)
	for len(names) < maxUsers {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			for errors.Is(err, bufio.ErrBufferFull) { // skip the rest of it
				_, err = lines.ReadSlice('\n')
			}
			line = nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if uid, name, ok := parseUser(string(line)); ok {
			if _, known := names[uid]; !known {
				names[uid] = model.SafeText(name)
			}
		}
		if err != nil {
			break
		}
	}
	return names, nil
}

func parseUser(line string) (uid uint32, name string, ok bool) {
	name, rest, ok1 := strings.Cut(strings.TrimRight(line, "\n"), ":")
	_, rest, ok2 := strings.Cut(rest, ":")
	number, _, ok3 := strings.Cut(rest, ":")
	// + and - begin NIS entries, # a comment
	if !ok1 || !ok2 || !ok3 || name == "" || strings.ContainsAny(name[:1], "+-#") {
		return 0, "", false
	}
	n, err := strconv.ParseUint(number, 10, 32)
	return uint32(n), name, err == nil
}
