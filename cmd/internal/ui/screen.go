package ui

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"unicode/utf8"

	"imsrevoke/batch/plain"
)

// A screen is standard error. A line that is drawn there, such as a progress bar,
// stays below what is written while it is there. It may be used by several
// goroutines at once.
type screen struct {
	mu    sync.Mutex
	w     io.Writer
	drawn int // columns of the line that is drawn, 0 if there is none
}

// Write writes whole lines, in place of the line that is drawn, which its owner
// draws again.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drawn > 0 {
		fmt.Fprintf(s.w, "\r%*s\r", s.drawn, "")
		s.drawn = 0
	}
	return s.w.Write(p)
}

// A drawing draws on a screen with control characters, and has no words but its
// own.
type drawing struct{ *screen }

func (d drawing) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	line := p[bytes.LastIndexAny(p, "\r\n")+1:]
	d.drawn = utf8.RuneCount(line)
	return d.w.Write(p)
}

// drawing is standard error for what draws on it.
func (c *Console) drawing() io.Writer {
	if guarded, ok := c.Stderr.(*plain.Writer); ok {
		if s, ok := guarded.Unwrap().(*screen); ok {
			return drawing{s}
		}
	}
	return drawing{&screen{w: c.Stderr}}
}
