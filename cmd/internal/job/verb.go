package job

import "imsrevoke/batch"

// A verb is an operation in words, and what its job leaves behind. All else (the
// plan and the question, the pace, the limits, the report) is the same for every
// operation.
type verb struct {
	*batch.Operation
	// infinitive says what is done with a share.
	infinitive string
	// suffix takes the place of the input's extension in the name of the report.
	suffix string
	// journals says that the job cannot be done again as well, and keeps a journal.
	journals bool
}

var (
	revoke  = verb{batch.Revoke, "revoke", ".report.csv", true}
	check   = verb{batch.Check, "check", ".check.csv", false}
	restore = verb{batch.Restore, "restore", ".restore.csv", true}
)
