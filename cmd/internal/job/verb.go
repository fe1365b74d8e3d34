package job

import (
	"context"

	"imsrevoke/batch"
)

// A verb is what a job does with the rows of a file. All else (the plan and the
// question, the pace, the limits, the report) is the same for every verb.
type verb struct {
	Name string
	// do is the method of the job that does it.
	do func(*batch.Job, context.Context, batch.Source, batch.API, batch.Recorder) (batch.Summary, error)
	// infinitive says what is done with a share.
	infinitive string
	// suffix takes the place of the input's extension in the name of the report.
	suffix string
	// journals says that the job cannot be done again as well, and keeps a journal.
	journals bool
}

var (
	Revocation  = verb{Name: "run", do: (*batch.Job).Run, infinitive: "revoke", suffix: ".report.csv", journals: true}
	check       = verb{Name: "check", do: (*batch.Job).Check, infinitive: "check", suffix: ".check.csv"}
	Restoration = verb{Name: "restore", do: (*batch.Job).Restore, infinitive: "restore", suffix: ".restore.csv", journals: true}
)
