package term

import (
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"
	"golang.org/x/sys/unix"
)

// The test binary starts itself as the program under test. childVariable says what to be.
const childVariable = "TERM_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childVariable) {
	case "":
		os.Exit(m.Run())
	case "shell":
		os.Exit(shell())
	default:
		screenProgram(strings.Fields(os.Getenv(childVariable)))
	}
}

// What the program under test shows once it answers keys, and its exit code when there is no screen.
const (
	greeting   = "READY"
	noScreen   = 3
	terminated = 128 + int(unix.SIGTERM)
)

// screenProgram is a small program such as this package is made for. Its keys: q quits, p and P panic here
// and in another goroutine, c changes one cell, f fills the screen again and again, s marks a place in the
// output, Ctrl-Z stops.
func screenProgram(options []string) {
	g := NewGuard()
	defer g.Recover()
	o := Options{Guard: g}
	for _, option := range options {
		switch option {
		case "mouse":
			o.Mouse = true
		case "ascii":
			o.ASCII = true
		case "nocolor":
			o.NoColor = true
		case "nohup":
			signal.Ignore(unix.SIGHUP)
		}
	}
	t, err := Open(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		g.Exit(noScreen)
	}
	app := tview.NewApplication().SetScreen(t.Screen())
	box := tview.NewTable().SetBorders(!t.ASCII())
	for row := range 50 {
		for column := range 6 {
			cell := tview.NewTableCell(fmt.Sprintf("世 é %d %d", row, column))
			box.SetCell(row, column, cell.SetTextColor(tcell.Color(int(tcell.ColorMaroon)+row%6)))
		}
	}
	box.SetCell(0, 0, tview.NewTableCell(greeting))
	marks, changes := 0, 0
	app.SetRoot(box, true).SetInputCapture(func(e *tcell.EventKey) *tcell.EventKey {
		switch {
		case e.Key() == tcell.KeyCtrlZ:
			t.Suspend(app)
		case e.Rune() == 'q':
			app.Stop()
		case e.Rune() == 'p':
			panic("here \x1b]0;evil\a\xff")
		case e.Rune() == 'P':
			t.Go("elsewhere", func() { panic(fmt.Errorf("there")) })
		case e.Rune() == 'c':
			changes++
			box.GetCell(0, 0).SetText(fmt.Sprintf("READ%d", changes%10))
		case e.Rune() == 's':
			marks++
			tty, _ := t.Screen().Tty()
			fmt.Fprintf(tty, "<mark %d>", marks)
		case e.Rune() == 'y':
			t.Screen().SetClipboard([]byte("copied"))
		case e.Rune() == 'f':
			g.Go("flood", func() {
				for i := range 100000 {
					app.QueueUpdateDraw(func() { box.SetOffset(i%40, 0) })
				}
			})
		}
		return nil
	})
	err = app.Run()
	t.Restore()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		g.Exit(1)
	}
	g.Exit(0)
}

// shell is as much of a shell as job control needs: it runs the program as the foreground job, says on
// descriptor 3 when it stopped or ended, and with each byte from descriptor 4 continues it in front.
func shell() int {
	signal.Ignore(unix.SIGTTOU)
	status, orders := os.NewFile(3, "status"), os.NewFile(4, "orders")
	if err := os.Setenv(childVariable, "job"); err != nil {
		fmt.Fprintln(status, err)
		return 1
	}
	attr := &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Foreground: true, Ctty: 0},
	}
	pid, err := syscall.ForkExec("/proc/self/exe", os.Args[:1], attr)
	if err != nil {
		fmt.Fprintln(status, err)
		return 1
	}
	fmt.Fprintln(status, "pid", pid)
	for {
		var ws syscall.WaitStatus
		if _, err := syscall.Wait4(pid, &ws, syscall.WUNTRACED, nil); err == syscall.EINTR {
			continue
		} else if err != nil {
			fmt.Fprintln(status, err)
			return 1
		}
		if !ws.Stopped() {
			fmt.Fprintln(status, "ended", ws.ExitStatus())
			return 0
		}
		foreground(0, unix.Getpid())
		fmt.Fprintln(status, "stopped", int(ws.StopSignal()))
		if _, err := orders.Read(make([]byte, 1)); err != nil {
			return 1
		}
		foreground(0, pid)
		if err := unix.Kill(-pid, unix.SIGCONT); err != nil {
			fmt.Fprintln(status, err)
		}
	}
}

// foreground makes a process group the terminal's foreground job.
func foreground(tty, pgrp int) {
	p := int32(pgrp)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(tty), unix.TIOCSPGRP, uintptr(unsafe.Pointer(&p)))
	if errno != 0 {
		fmt.Fprintln(os.Stderr, "foreground:", errno)
	}
}

// raceDetected says whether this is built with -race, which takes several times the memory.
func raceDetected() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// statusKB reads a figure in kB from /proc/PID/status, 0 when it is not there.
func statusKB(pid int, name string) int {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(content)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == name+":" {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				return 0
			}
			return n
		}
	}
	return 0
}
