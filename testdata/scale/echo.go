package main

// The bare echo program: what a key takes there and back on this machine under this load, when nothing is made of it.

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// echo writes each byte that it reads from the terminal; it returns the exit code.
func echo() int {
	settings, err := unix.IoctlGetTermios(unix.Stdin, unix.TCGETS)
	if err != nil {
		return fail(fmt.Errorf("echo: reading the terminal's settings: %w", err))
	}
	settings.Iflag &^= unix.ICRNL | unix.IXON
	settings.Oflag &^= unix.OPOST
	settings.Lflag &^= unix.ECHO | unix.ICANON | unix.ISIG | unix.IEXTEN
	settings.Cc[unix.VMIN], settings.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(unix.Stdin, unix.TCSETS, settings); err != nil {
		return fail(fmt.Errorf("echo: setting the terminal: %w", err))
	}
	os.Stdout.WriteString("ready") //nolint:errcheck // the reader waits for it, and says so
	var key [1]byte
	for {
		switch n, err := unix.Read(unix.Stdin, key[:]); {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fail(fmt.Errorf("echo: reading: %w", err))
		case n == 0 || key[0] == 'q':
			return 0
		}
		if _, err := unix.Write(unix.Stdout, key[:]); err != nil {
			return fail(fmt.Errorf("echo: writing: %w", err))
		}
	}
}
