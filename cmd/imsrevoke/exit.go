package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"syscall"

	"imsrevoke/batch"
	"imsrevoke/batch/cloud"
	"imsrevoke/report"
)

// The exit codes. They are part of what users rely on.
const (
	exitSettled     = 0  // every row is settled
	exitUnsettled   = 1  // finished, at least one row is not settled
	exitUsage       = 2  // nothing was sent
	exitStopped     = 3  // stopped early by a limit
	exitCredentials = 4  // the credentials are refused
	exitRecord      = 5  // the report or the journal cannot be written, or an unknown error
	exitLocked      = 75 // another run holds the lock; EX_TEMPFAIL of sysexits.h
	exitSignal      = 128
)

// errUnsettled is the end of a run that was finished and left rows to be
// looked at.
var errUnsettled = errors.New("not every row is settled")

// errRecord marks that something could not be written: the report, another
// output, or what standard output was to hold.
var errRecord = errors.New("cannot write the report")

// A recordError is an errRecord with words of its own.
type recordError struct{ error }

func (e recordError) Unwrap() error        { return e.error }
func (e recordError) Is(target error) bool { return target == errRecord }

// cannotWrite is the error for a file that could not be written. What says what
// it was to hold, advice what to do.
func cannotWrite(what, name string, cause error, advice string) error {
	return recordError{withHint(fmt.Errorf("cannot write %s: %s: %w", what, name, withoutPath(cause)), advice)}
}

// withoutPath is an error without the name of a file, which may be a temporary
// one that says nothing to the user, or was said already.
func withoutPath(err error) error {
	if refused, ok := errors.AsType[*refusedOutput](err); ok {
		return refused.why
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		return link.Err
	}
	return err
}

// told wraps an error that the user has been told of already.
type told struct{ error }

func (t *told) Unwrap() error { return t.error }

// interrupted is the cause of the end of a context that a signal ended.
type interrupted struct{ signal syscall.Signal }

func (i interrupted) Error() string {
	switch i.signal {
	case syscall.SIGTERM:
		return "interrupted by SIGTERM"
	case syscall.SIGHUP:
		return "interrupted by SIGHUP"
	}
	return "interrupted by SIGINT"
}

// exitCode is the exit code for the end of a command. An error that is not
// known by its kind means that nothing was sent only while nothing can have been
// sent; afterwards it gets the code that promises least. A mistake in the set-up
// is known: with it nothing can be sent.
func (c *cli) exitCode(err error) int {
	code := exitCode(err)
	if code == exitUsage && c.underway.Load() != nil && !errors.Is(err, batch.ErrMisconfigured) {
		return exitRecord
	}
	return code
}

// exitCode is the exit code for a kind of error. What happened last to
// what is kept comes first: a run that could not be recorded is not well
// described by the reason for which it was stopping anyway.
func exitCode(err error) int {
	var signalled interrupted
	switch {
	case err == nil:
		return exitSettled
	case errors.Is(err, errRecord), errors.Is(err, batch.ErrRecorder):
		return exitRecord
	case errors.Is(err, batch.ErrUnauthorized), errors.Is(err, cloud.ErrRefused):
		return exitCredentials
	case errors.As(err, &signalled):
		return exitSignal + int(signalled.signal)
	case errors.Is(err, errLocked):
		return exitLocked
	case errors.Is(err, batch.ErrWrongEndpoint), errors.Is(err, batch.ErrSameRefusal), errors.Is(err, batch.ErrTooManyFailures),
		errors.Is(err, batch.ErrTimeBudget), errors.Is(err, batch.ErrOutage), errors.Is(err, batch.ErrSource):
		return exitStopped
	case errors.Is(err, errIncomplete), errors.Is(err, batch.ErrImages), errors.Is(err, errSeesAll):
		return exitStopped
	case errors.Is(err, errUnsettled), errors.Is(err, errFound), errors.Is(err, report.ErrChanged):
		return exitUnsettled
	}
	return exitUsage
}

// shortReason is the reason for which a run stopped, without the details that
// are told once.
func shortReason(err error) error {
	for _, reason := range []error{
		batch.ErrUnauthorized, batch.ErrMisconfigured, batch.ErrWrongEndpoint, batch.ErrSameRefusal, batch.ErrTooManyFailures, batch.ErrTimeBudget,
		batch.ErrOutage, batch.ErrRecorder, batch.ErrSource, batch.ErrImages,
	} {
		if errors.Is(err, reason) {
			return reason
		}
	}
	return err
}

// interruptible returns a context that ends with the first SIGINT, SIGTERM or
// SIGHUP. The second signal ends the process: what the journal holds is good at
// any time.
func (c *cli) interruptible(parent context.Context) (context.Context, func()) {
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
					os.Exit(exitSignal + int(s.(syscall.Signal)))
				}
				if c.terminal {
					fmt.Fprintln(c.stderr) // after the ^C
				}
				if c.terminal && c.underway.Load() != nil {
					fmt.Fprintln(c.stderr, "stopping: waiting for the requests in flight; interrupt again to stop at once")
				}
				cancel(interrupted{s.(syscall.Signal)})
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
func (c *cli) leave() {
	switch journal := c.underway.Load(); {
	case journal == nil:
		fmt.Fprintln(c.stderr, "\nimsrevoke: stopped at once: nothing was sent")
	case *journal != "":
		fmt.Fprintln(c.stderr)
		c.say("imsrevoke: stopped at once: what is known is in %s", *journal)
		c.say("resume with: %s", c.resumeCommand())
	}
}
