package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"imsrevoke/batch"
)

// A Tally counts the rows of a report.
type Tally struct {
	// Rows is how many rows there are: the sum of all Outcomes.
	Rows int
	// Digest is the SHA-256, in hexadecimal, of the file that [CSV.WriteFile] has
	// written.
	Digest string
	// Outcomes counts the rows by outcome, Unsettled those of them that are not
	// settled.
	Outcomes, Unsettled map[batch.Outcome]int
	// Verified counts the rows by what a check after the run found.
	Verified map[Verdict]int
	// AlsoShared are the images that are also shared with accounts or
	// organizations: the first ones, up to a bound.
	AlsoShared []AlsoShared

	alsoShared map[string]bool // the images in AlsoShared
	states     map[state]int
	reasons    map[reasonKey]*Reason
	// more counts the rows whose reason came when maxReasons were known.
	more map[batch.Outcome]int
}

// An AlsoShared is an image that is shared with others than projects.
type AlsoShared struct {
	ImageID string `json:"image_id"`
	// With names the accounts and organizations.
	With string `json:"with"`
}

// String says it in a sentence without its full stop.
func (a AlsoShared) String() string {
	return fmt.Sprintf("image %s: still shared with %s, which may include this project", a.ImageID, a.With)
}

// A state is what a row is counted as for people: its outcome, unless it is not
// settled although its outcome is.
type state string

const (
	stillShared        state = "still shared"
	unsettledDuplicate state = "duplicate, not settled"
)

func stateOf(e *Entry) state {
	switch {
	case e.Verified == StillShared:
		return stillShared
	case e.Outcome == batch.Duplicate && !e.Settled():
		return unsettledDuplicate
	}
	return state(e.Outcome)
}

// states lists every state, in the order in which they are shown.
func states() []state {
	all := []state{stillShared}
	for _, o := range batch.Outcomes() {
		all = append(all, state(o))
		if o == batch.Duplicate {
			all = append(all, unsettledDuplicate)
		}
	}
	return all
}

// A Reason is what several rows have in common that are not settled.
type Reason struct {
	Outcome batch.Outcome
	// Status is the HTTP status, 0 for none.
	Status int
	// Message is the rows' message, with their ids left out if they are several;
	// empty for the rows beyond a bound on different messages.
	Message string
	// Rows is how many they are, Lines are those of the first few.
	Rows  int
	Lines []int

	original string // the first row's message
}

// state is the state of the rows.
func (r *Reason) state() state {
	if r.Outcome == batch.Duplicate {
		return unsettledDuplicate // or there would be no reason
	}
	if r.Outcome.Settled() {
		return stillShared
	}
	return state(r.Outcome)
}

type reasonKey struct {
	outcome batch.Outcome
	status  int
	message string
}

const (
	// maxReasons bounds the reasons kept apart, and the images in AlsoShared.
	maxReasons = 1000
	// reasonLines is how many rows are named for a reason.
	reasonLines = 3
)

func newTally() *Tally {
	return &Tally{
		Outcomes:   make(map[batch.Outcome]int),
		Unsettled:  make(map[batch.Outcome]int),
		Verified:   make(map[Verdict]int),
		alsoShared: make(map[string]bool),
		states:     make(map[state]int),
		reasons:    make(map[reasonKey]*Reason),
		more:       make(map[batch.Outcome]int),
	}
}

// addSettled adds a row with such a result, of which only that it is settled counts.
func (t *Tally) addSettled(text resultText, verdict Verdict) error {
	outcome, err := text.outcome()
	if err != nil {
		return err
	}
	t.Rows++
	t.Outcomes[outcome]++
	t.states[state(outcome)]++
	if verdict != "" {
		t.Verified[verdict]++
	}
	return nil
}

func (t *Tally) add(r *Entry) {
	t.Rows++
	t.Outcomes[r.Outcome]++
	t.states[stateOf(r)]++
	if r.Verified != "" {
		t.Verified[r.Verified]++
	}
	if r.AlsoSharedWith != "" && len(t.AlsoShared) < maxReasons {
		if image := batch.ImageKey(r.Row.ImageID); !t.alsoShared[image] {
			t.alsoShared[image] = true
			t.AlsoShared = append(t.AlsoShared, AlsoShared{image, r.AlsoSharedWith})
		}
	}
	if r.Settled() {
		return
	}
	t.Unsettled[r.Outcome]++
	if r.Outcome == batch.Planned {
		return
	}
	key := reasonKeyOf(r)
	reason := t.reasons[key]
	if reason == nil {
		if len(t.reasons) >= maxReasons {
			t.more[r.Outcome]++
			return
		}
		reason = &Reason{Outcome: r.Outcome, Status: r.Status, Message: key.message, original: r.Message}
		if key.message != withoutIDs(&r.Result) {
			reason.original = key.message
		}
		t.reasons[key] = reason
	}
	reason.Rows++
	if len(reason.Lines) < reasonLines {
		reason.Lines = append(reason.Lines, r.Row.Line)
	}
}

// reasonKeyOf is what a row that is not settled has in common with others.
func reasonKeyOf(r *Entry) reasonKey {
	key := reasonKey{r.Outcome, r.Status, withoutIDs(&r.Result)}
	switch stateOf(r) {
	case stillShared:
		key.message = "the member list that was read after the run still has the member"
	case unsettledDuplicate:
		key.message = "the row that it repeats is not settled"
	}
	return key
}

// withoutIDs is the result's message with the row's ids replaced, so that the
// same thing said of two rows is the same reason.
func withoutIDs(r *batch.Result) string {
	message := r.Message
	ids := [...]struct{ id, word string }{{r.Row.Pair.ImageID, "{image}"}, {r.Row.Pair.MemberID, "{member}"}}
	if len(ids[0].id) < len(ids[1].id) {
		ids[0], ids[1] = ids[1], ids[0] // the shorter one may be a part of the longer
	}
	for _, replace := range ids {
		if len(replace.id) >= 8 {
			message = strings.ReplaceAll(message, replace.id, replace.word)
		}
	}
	return message
}

// Settled is how many rows leave nothing to be done.
func (t *Tally) Settled() int {
	n := t.Rows
	for _, rows := range t.Unsettled {
		n -= rows
	}
	return n
}

// Reasons are the reasons of the rows that are not settled, in the order in
// which outcomes are shown, those of most rows first.
func (t *Tally) Reasons() []Reason {
	reasons, _ := t.numberedReasons()
	return reasons
}

// numberedReasons are the reasons, and the number that each of them has among
// them by what its rows have in common. Rows beyond the bound on reasons have no
// number.
func (t *Tally) numberedReasons() ([]Reason, map[reasonKey]int) {
	type keyed struct {
		Reason
		key   reasonKey
		known bool
	}
	var all []keyed
	for key, r := range t.reasons {
		told := *r
		if r.Rows == 1 {
			told.Message = r.original
		}
		told.original = ""
		all = append(all, keyed{told, key, true})
	}
	for outcome, rows := range t.more {
		all = append(all, keyed{Reason: Reason{Outcome: outcome, Rows: rows}})
	}
	rank := make(map[batch.Outcome]int)
	for i, o := range batch.Outcomes() {
		rank[o] = i
	}
	slices.SortFunc(all, func(a, b keyed) int {
		return cmp.Or(
			cmp.Compare(rank[a.Outcome], rank[b.Outcome]),
			cmp.Compare(b.Rows, a.Rows),
			cmp.Compare(firstLine(a.Reason), firstLine(b.Reason)),
		)
	})
	var reasons []Reason
	numbers := make(map[reasonKey]int)
	for i, r := range all {
		reasons = append(reasons, r.Reason)
		if r.known {
			numbers[r.key] = i
		}
	}
	return reasons, numbers
}

func firstLine(r Reason) int {
	if len(r.Lines) == 0 {
		return 0
	}
	return r.Lines[0]
}
