package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"imsrevoke/cmd/internal/exit"
)

// interruptible returns a context that ends with the first SIGINT, SIGTERM or
// SIGHUP. The second signal ends the process: what the journal holds is good at
// any time.
func (c *Program) interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it: the run outlives its terminal
		signal.Notify(signals, syscall.SIGHUP)
	}
	over := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case s := <-signals:
				if n > 0 {
					c.leave()
					os.Exit(exit.Signal + int(s.(syscall.Signal)))
				}
				if c.Terminal {
					fmt.Fprintln(c.Stderr) // after the ^C
				}
				if c.Terminal && c.underway.Started() {
					fmt.Fprintln(c.Stderr, "stopping: waiting for the requests in flight; interrupt again to stop at once")
				}
				cancel(exit.Interrupted{Signal: s.(syscall.Signal)})
			case <-over:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(over)
		cancel(nil)
	}
}

// leave says what is left behind by a run that ends at once.
func (c *Program) leave() {
	switch journal := c.underway.Journal(); {
	case !c.underway.Started():
		fmt.Fprintln(c.Stderr, "\nimsrevoke: stopped at once: nothing was sent")
	case journal != "":
		fmt.Fprintln(c.Stderr)
		c.Say("imsrevoke: stopped at once: what is known is in %s", journal)
		c.Say("resume with: %s", c.resumeCommand())
	}
}
