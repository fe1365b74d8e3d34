//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// A terminal is a pseudo-terminal that nobody looks at.
type terminal struct {
	// screen is what a program writes to, and keyboard the other end of it.
	screen, keyboard *os.File
	shown            bytes.Buffer
	read             chan struct{} // closed when all that was shown is in the buffer
}

// openTerminal opens a pseudo-terminal of 120 columns.
func openTerminal() (*terminal, error) {
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	fd := int(keyboard.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	err = errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0),
		unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 30, Col: 120}))
	t := &terminal{keyboard: keyboard, read: make(chan struct{})}
	if err == nil {
		t.screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		keyboard.Close()
		return nil, err
	}
	go func() {
		defer close(t.read)
		io.Copy(&t.shown, keyboard) // until the last program has closed the screen
	}()
	return t, nil
}

// close returns what was shown, once no program has the screen open any more.
func (t *terminal) close() []byte {
	t.screen.Close()
	<-t.read
	t.keyboard.Close()
	return t.shown.Bytes()
}
