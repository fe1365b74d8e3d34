package report

import (
	"cmp"
	"slices"
	"strings"

	"imsrevoke/batch"
)

// A Tally counts the rows of a report.
type Tally struct {
	// Rows is how many rows there are: the sum of all Outcomes.
	Rows int
	// Outcomes counts the rows by outcome.
	Outcomes map[batch.Outcome]int
	// Verified counts the rows by what a check after the run found.
	Verified map[Verdict]int

	reasons map[reasonKey]*Reason
	// more counts the rows whose reason came when maxReasons were known.
	more map[batch.Outcome]int
}

// A Reason is what several rows have in common that are not settled.
type Reason struct {
	Outcome batch.Outcome
	// Status is the HTTP status, 0 for none.
	Status int
	// Message is the rows' message with their ids left out; empty for the rows
	// beyond a bound on different messages.
	Message string
	// Rows is how many they are, Lines are those of the first few.
	Rows  int
	Lines []int
}

type reasonKey struct {
	outcome batch.Outcome
	status  int
	message string
}

const (
	// maxReasons bounds the reasons kept apart.
	maxReasons = 1000
	// reasonLines is how many rows are named for a reason.
	reasonLines = 3
)

func newTally() *Tally {
	return &Tally{
		Outcomes: make(map[batch.Outcome]int),
		Verified: make(map[Verdict]int),
		reasons:  make(map[reasonKey]*Reason),
		more:     make(map[batch.Outcome]int),
	}
}

func (t *Tally) add(r *batch.Result) {
	t.Rows++
	t.Outcomes[r.Outcome]++
	if r.Outcome.Settled() || r.Outcome == batch.Planned {
		return
	}
	key := reasonKey{r.Outcome, r.Status, withoutIDs(r)}
	reason := t.reasons[key]
	if reason == nil {
		if len(t.reasons) >= maxReasons {
			t.more[r.Outcome]++
			return
		}
		reason = &Reason{Outcome: r.Outcome, Status: r.Status, Message: key.message}
		t.reasons[key] = reason
	}
	reason.Rows++
	if len(reason.Lines) < reasonLines {
		reason.Lines = append(reason.Lines, r.Row.Line)
	}
}

// withoutIDs is the result's message with the row's ids replaced, so that the
// same thing said of two rows is the same reason.
func withoutIDs(r *batch.Result) string {
	message := r.Message
	for id, word := range map[string]string{r.Row.Pair.ImageID: "{image}", r.Row.Pair.MemberID: "{member}"} {
		if len(id) >= 8 {
			message = strings.ReplaceAll(message, id, word)
		}
	}
	return message
}

// Settled is how many rows leave nothing to be done.
func (t *Tally) Settled() int {
	n := 0
	for outcome, rows := range t.Outcomes {
		if outcome.Settled() {
			n += rows
		}
	}
	return n
}

// Reasons are the reasons of the rows that are not settled, in the order in
// which outcomes are shown, those of most rows first.
func (t *Tally) Reasons() []Reason {
	var reasons []Reason
	for _, r := range t.reasons {
		reasons = append(reasons, *r)
	}
	for outcome, rows := range t.more {
		reasons = append(reasons, Reason{Outcome: outcome, Rows: rows})
	}
	rank := make(map[batch.Outcome]int)
	for i, o := range batch.Outcomes() {
		rank[o] = i
	}
	slices.SortFunc(reasons, func(a, b Reason) int {
		return cmp.Or(
			cmp.Compare(rank[a.Outcome], rank[b.Outcome]),
			cmp.Compare(b.Rows, a.Rows),
			cmp.Compare(firstLine(a), firstLine(b)),
		)
	})
	return reasons
}

func firstLine(r Reason) int {
	if len(r.Lines) == 0 {
		return 0
	}
	return r.Lines[0]
}
