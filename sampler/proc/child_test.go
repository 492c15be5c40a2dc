package proc

// Real processes: this test binary, started again, does as it is told over a pipe.

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// childMode tells the test binary that it is a child, and of which kind.
const childMode = "SOCKVIEW_PROC_CHILD"

func init() {
	if os.Getenv(childMode) == "leaderless" {
		runtime.LockOSThread() // main keeps the main thread, which is to end
	}
}

func TestMain(m *testing.M) {
	switch os.Getenv(childMode) {
	case "":
		os.Exit(m.Run())
	case "leaderless":
		go obey()
		// only this thread ends; what was started above goes on in another one
		_, _, errno := syscall.Syscall(unix.SYS_EXIT, 0, 0, 0)
		panic(errno)
	case "scan":
		err := json.NewEncoder(os.Stdout).Encode(NewScanner(At("/proc")).Scan(context.Background(), Request{Full: true}))
		if err != nil {
			panic(err)
		}
	default:
		obey()
	}
}

// obey does what standard input says, a word and a number a line, and answers each with a line of numbers.
func obey() {
	in := bufio.NewScanner(os.Stdin)
	var fds []int
	for in.Scan() {
		word, arg, _ := strings.Cut(in.Text(), " ")
		n, _ := strconv.Atoi(arg)
		var answer []uint32
		for range n {
			switch word {
			case "open": // n sockets; answers their inodes
				fd := try(unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0))
				fds = append(fds, fd)
				answer = append(answer, inodeOf(fd))
			case "close": // the n oldest; answers their inodes
				answer = append(answer, inodeOf(fds[0]))
				must(unix.Close(fds[0]))
				fds = fds[1:]
			case "far": // a socket with a high number
				fd := try(unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0))
				must(unix.Dup3(fd, 900, unix.O_CLOEXEC))
				answer = append(answer, inodeOf(fd))
				must(unix.Close(fd))
			case "receive": // a socket sent over the unix socket that is fd 3
				oob := make([]byte, 64)
				_, oobn, _, _, err := unix.Recvmsg(3, make([]byte, 1), oob, unix.MSG_CMSG_CLOEXEC)
				must(err)
				msgs := try(unix.ParseSocketControlMessage(oob[:oobn]))
				fd := try(unix.ParseUnixRights(&msgs[0]))[0]
				answer = append(answer, inodeOf(fd))
			}
		}
		fmt.Println(strings.Trim(fmt.Sprint(answer), "[]"))
	}
	os.Exit(0)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func try[T any](v T, err error) T {
	must(err)
	return v
}

func inodeOf(fd int) uint32 {
	var st unix.Stat_t
	must(unix.Fstat(fd, &st))
	return uint32(st.Ino)
}

type child struct {
	t   testing.TB
	cmd *exec.Cmd
	in  *os.File
	out *bufio.Reader
}

// start starts a child that ends when the test does. Its standard streams are pipes, not sockets.
func start(t testing.TB, mode string, files ...*os.File) *child {
	t.Helper()
	c := &child{t: t, cmd: exec.Command("/proc/self/exe")}
	c.cmd.Env = append(os.Environ(), childMode+"="+mode)
	c.cmd.ExtraFiles = files
	c.cmd.Stderr = os.Stderr
	in, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	c.cmd.Stdin, c.in = in, ours
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReaderSize(out, 1<<20)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.end)
	return c
}

func (c *child) pid() int32 { return int32(c.cmd.Process.Pid) }

// end lets the child exit and reaps it; it may be called twice.
func (c *child) end() {
	c.in.Close()
	if err := c.cmd.Wait(); err != nil && c.cmd.ProcessState == nil {
		c.t.Errorf("child: %v", err)
	}
}

// tell has the child do something n times and returns the inodes it answers.
func (c *child) tell(word string, n int) []uint32 {
	c.t.Helper()
	if _, err := fmt.Fprintln(c.in, word, n); err != nil {
		c.t.Fatalf("child: %v", err)
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		c.t.Fatalf("child: %v", err)
	}
	var inodes []uint32
	for _, f := range strings.Fields(line) {
		n, err := strconv.ParseUint(f, 10, 32)
		if err != nil {
			c.t.Fatal(err)
		}
		inodes = append(inodes, uint32(n))
	}
	return inodes
}

// socketFile is a UDP socket of our own.
func socketFile(t testing.TB) *os.File {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	f, err := conn.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// holders are the pids that hold an inode, ascending.
func holders(res Result, inode uint32) []int32 {
	var pids []int32
	for _, h := range res.Holds {
		if h.Inode == inode {
			pids = append(pids, h.PID)
		}
	}
	return pids
}

func sorted(pids ...int32) []int32 {
	slices.Sort(pids)
	return pids
}
