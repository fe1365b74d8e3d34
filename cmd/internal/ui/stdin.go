package ui

import (
	"context"
	"io"
)

// Input is standard input, which ends with the context.
func (c *Console) Input(ctx context.Context) io.Reader { return &ctxReader{ctx, c.Stdin} }

// A ctxReader reads from what may keep silent for ever, such as a
// terminal, and stops when its context ends all the same.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (a *ctxReader) Read(p []byte) (int, error) {
	type chunk struct {
		text []byte
		err  error
	}
	read := make(chan chunk, 1)
	text := make([]byte, len(p)) // not p, which is the caller's again after an interrupt
	go func() {                  // ends with the process when nothing comes
		n, err := a.r.Read(text)
		read <- chunk{text[:n], err}
	}()
	select {
	case c := <-read:
		return copy(p, c.text), c.err
	case <-a.ctx.Done():
		return 0, context.Cause(a.ctx)
	}
}
