package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
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

// errFound is the end of a list that is complete and has found what should not be
// there.
var errFound = errors.New("there are shares that should not be")

// errIncomplete is the end of a list that does not have all shares.
var errIncomplete = errors.New("the list is not complete")

// errSeesAll refuses --received for credentials that see every image.
var errSeesAll = errors.New("these credentials see the images of all projects, as an admin does, and the Image API does not tell them which are shared with their own: " +
	"use credentials of the project without the role admin")

// errLocked says that another run holds the lock.
var errLocked = errors.New("another run is under way")

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
	if refused, ok := errors.AsType[interface {
		error
		Why() error
	}](err); ok { // a file that must not be written
		return refused.Why()
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		return link.Err
	}
	return err
}

// reported wraps an error that the user has been told of already.
type reported struct{ error }

func (t *reported) Unwrap() error { return t.error }

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

// exitCode is the exit code for the end of a command. An error that is not known
// by its kind means that nothing was sent only while nothing can have been sent;
// afterwards it gets the code that promises least. A mistake in the set-up is
// known: with it nothing can be sent.
//
// What happened last to what is kept comes first: a run that could not be recorded
// is not well described by the reason for which it was stopping anyway.
func exitCode(err error, sent bool) int {
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
	case sent && !errors.Is(err, batch.ErrMisconfigured):
		return exitRecord
	}
	return exitUsage
}

// shortReason is the reason for which a run stopped, without the details that
// are told once.
func shortReason(err error) error {
	for _, reason := range []error{
		batch.ErrUnauthorized, batch.ErrMisconfigured, batch.ErrWrongEndpoint, batch.ErrSameRefusal, batch.ErrTooManyFailures, batch.ErrTimeBudget,
		batch.ErrOutage, batch.ErrRecorder, batch.ErrSource, batch.ErrImages, errIncomplete, errFound, errUnsettled,
	} {
		if errors.Is(err, reason) {
			return reason
		}
	}
	return err
}
