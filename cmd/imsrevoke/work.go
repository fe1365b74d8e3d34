package main

import (
	"context"

	"imsrevoke/batch"
	"imsrevoke/report"
)

// A work is what a verb does with the rows of a file. All else (the plan and the
// question, the pace, the limits, the report) is the same for every verb.
type work struct {
	// verb is its name.
	verb string
	// do is the method of the job that does it.
	do func(*batch.Job, context.Context, batch.Source, batch.API, batch.Recorder) (batch.Summary, error)
	// infinitive says what is done with a share.
	infinitive string
	// ending is what takes the place of the input's extension in the name of
	// the report.
	ending string
	// journals says that the work cannot be done again as well, and keeps a
	// journal.
	journals bool
	// undone is the run that is undone, when the work is to undo one, and unproved
	// why nothing but its report says what it has done; nil when its journal does.
	undone   *report.Survey
	unproved error
}

var (
	revoking  = work{verb: "run", do: (*batch.Job).Run, infinitive: "revoke", ending: ".report.csv", journals: true}
	checking  = work{verb: "check", do: (*batch.Job).Check, infinitive: "check", ending: ".check.csv"}
	restoring = work{verb: "restore", do: (*batch.Job).Restore, infinitive: "restore", ending: ".restore.csv", journals: true}
)
