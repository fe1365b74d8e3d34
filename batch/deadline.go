package batch

import (
	"context"
	"time"
)

// A deadline limits each attempt of one worker to the same time. It reuses one
// context until an attempt times out: a new context with a timeout for each attempt
// costs as much as everything else that a run does for a row. It is used by one
// goroutine at a time.
type deadline struct {
	parent  context.Context
	timeout time.Duration

	ctx    context.Context // nil when the next attempt needs a new one
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

// begin returns the context of an attempt that begins. Its cause is
// [context.DeadlineExceeded] when the time is over.
func (d *deadline) begin() context.Context {
	if d.ctx != nil {
		d.timer.Reset(d.timeout)
		return d.ctx
	}
	ctx, cancel := context.WithCancelCause(d.parent)
	d.ctx, d.cancel = ctx, cancel
	d.timer = time.AfterFunc(d.timeout, func() { cancel(context.DeadlineExceeded) })
	return ctx
}

// end says that the attempt has ended.
func (d *deadline) end() {
	if !d.timer.Stop() { // the context is cancelled, or about to be
		d.close()
	}
}

// close lets go of the context.
func (d *deadline) close() {
	if d.ctx != nil {
		d.timer.Stop()
		d.cancel(nil)
		d.ctx = nil
	}
}
