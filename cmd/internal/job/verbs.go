package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"imsrevoke/cmd/internal/exit"
	"imsrevoke/report"
)

// Revoke is the verb run: it revokes every share that the input lists.
func Revoke(ctx context.Context, e *Environment, input string, o *Options) error {
	return change(ctx, e, input, o, revoke, nil)
}

// change is a verb that changes something: validate the file, connect, ask, send,
// report.
func change(ctx context.Context, e *Environment, input string, o *Options, v verb, u *undoing) error {
	in, err := openInput(ctx, e, input, o, v, u)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := o.Approval.judgeRows(in.manifest, &o.Selection); err != nil {
		return err
	}
	e.WarnOfFile(in.manifest, e.Log)
	r := &run{Environment: e, verb: v, undo: u, options: o, input: in, manifest: in.manifest}
	if o.Action.DryRun {
		return r.plan(ctx)
	}
	if r.files, err = filesFor(e, in, v, o); err != nil {
		return err
	}
	if !o.Action.Yes && !e.Interactive {
		return exit.WithHint(errors.New("cannot ask for confirmation without a terminal"), "add --yes to "+v.infinitive+" the shares without being asked")
	}
	if u != nil && u.unproven != nil && o.Action.Yes && !o.Action.TrustReport {
		return exit.WithHint(fmt.Errorf("cannot prove what %s says: %w", input, u.unproven), "put the journal beside it, or trust the report with --trust-report")
	}
	if r.session, err = o.Connection.Connect(ctx, e); err != nil {
		return err
	}
	if err := o.Approval.judgeProject(r.session); err != nil {
		return err
	}
	lock, err := r.lock()
	if err != nil {
		return err
	}
	defer lock.Release()
	return r.confirmAndExecute(ctx)
}

// Check is the verb check: it changes nothing and can be done again, so that its
// journal is a temporary one, where there is room for its report.
func Check(ctx context.Context, e *Environment, input string, o *Options) error {
	in, err := openInput(ctx, e, input, o, check, nil)
	if err != nil {
		return err
	}
	defer in.Close()
	e.WarnOfFile(in.manifest, e.Log)
	r := &run{Environment: e, verb: check, options: o, input: in, manifest: in.manifest, rest: in.manifest.Rows}
	if r.files, err = filesFor(e, in, check, o); err != nil {
		return err
	}
	if r.session, err = o.Connection.Connect(ctx, e); err != nil {
		return err
	}
	e.ShowNotes(e.Warnings())
	r.started = time.Now()
	if r.journal, err = report.TempJournal(in.plan, r.identity()); err != nil {
		return exit.CannotWrite("the report", r.files.report, err, otherReport)
	}
	defer r.journal.Close()
	return r.execute(ctx)
}
