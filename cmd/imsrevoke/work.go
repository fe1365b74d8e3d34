package main

import (
	"context"

	"imsrevoke/batch"
)

// A work is what a verb does with the rows of a file. All else (the plan and the
// question, the pace, the limits, the report) is the same for every verb.
type work struct {
	// do is the method of the job that does it.
	do func(*batch.Job, context.Context, batch.Source, batch.API, batch.Recorder) (batch.Summary, error)
	// ending is what takes the place of the input's extension in the name of
	// the report.
	ending string
}

var (
	withdrawing = &work{do: (*batch.Job).Run, ending: ".report.csv"}
	checking    = &work{do: (*batch.Job).Check, ending: ".check.csv"}
)
