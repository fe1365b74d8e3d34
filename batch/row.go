package batch

import (
	"fmt"
	"strings"
	"time"
)

// A Row is one data row of the input.
type Row struct {
	// Seq counts the rows of the job from 0, without gaps.
	Seq int
	// Line is the physical line of the input on which the row starts, from 1.
	Line int
	// ImageID and MemberID are the cells as they stand in the input.
	ImageID, MemberID string
	// Pair is what the cells name. It means nothing when Problem is set.
	Pair Pair
	// Problem says why the row cannot be a pair, and is empty when it is one.
	Problem string
	// FirstLine is the line of the first row with the same pair, for a row that
	// repeats one, and 0 otherwise; FirstSeq is the Seq of that row.
	FirstLine, FirstSeq int
	// Respelled says that this row, or one that repeats it, spells its member
	// in another way than Pair does: the share may exist under that spelling,
	// too.
	Respelled bool
	// PastAttempts is how many attempts earlier runs made for the row, as far as
	// that is known, and Lost says that one of them may have been applied without
	// an answer that says so.
	PastAttempts int
	Lost         bool
	// Owned says that the image is known to be the caller's own, so that its
	// member list shows every member.
	Owned bool
}

// ParsePair sets Pair by the cells, and Respelled if the member is spelled in another
// way than Pair does. The error says why they are not a pair.
func (r *Row) ParsePair() (err error) {
	if r.Pair, err = ParsePair(r.ImageID, r.MemberID); err == nil {
		r.Respelled = r.MemberID != r.Pair.MemberID && !r.Pair.SpellsMember(r.MemberID)
	}
	return err
}

// Unsent reports whether no request is to be made for the row, and its result
// in that case, [Invalid] or [Duplicate], without a time.
func (r Row) Unsent() (Result, bool) {
	switch {
	case r.Problem != "":
		return Result{Row: r, Outcome: Invalid, Message: r.Problem}, true
	case r.FirstLine > 0:
		return Result{Row: r, Outcome: Duplicate, Message: repeatsLine(r.FirstLine)}, true
	}
	return Result{}, false
}

// Outcome is how a row ended. Its values are the words of the report.
type Outcome string

// The outcomes of rows. See [Outcome.Settled] for those that leave nothing to
// be done.
const (
	// Revoked: the server answered 204 to this row.
	Revoked Outcome = "revoked"
	// Absent: it is proved that the member is not in this image's list, in any
	// spelling of its id.
	Absent Outcome = "absent"
	// Restored: the server answered 200 to this row.
	Restored Outcome = "restored"
	// Present: it is proved that the member is in this image's list already.
	Present Outcome = "present"
	// Duplicate: an earlier row has the same pair; nothing was sent. It is
	// settled if that row is.
	Duplicate Outcome = "duplicate"
	// NotFound: the image does not exist, or cannot be seen with these
	// credentials, or the member is not in a list that does not prove it gone.
	// The share may still be there.
	NotFound Outcome = "not_found"
	// Denied: 401 or 403.
	Denied Outcome = "denied"
	// Rejected: 400 or another final refusal.
	Rejected Outcome = "rejected"
	// Failed: the attempts are spent, and the server certainly applied none.
	Failed Outcome = "failed"
	// Unknown: no further attempt is made, and at least one earlier attempt
	// may have been applied without an answer that says so.
	Unknown Outcome = "unknown"
	// Invalid: the row cannot be a pair; nothing was sent.
	Invalid Outcome = "invalid"
	// Skipped: the run stopped before the row had an attempt, or before it had
	// another one, and none that it had can have been applied.
	Skipped Outcome = "skipped"
	// Planned: a dry run would send this row.
	Planned Outcome = "planned"
	// Shared: a check has found the member in the image's list.
	Shared Outcome = "shared"
)

// Outcomes lists every outcome, in the order in which they are shown.
func Outcomes() []Outcome {
	return []Outcome{
		Revoked, Absent, Restored, Present, Duplicate, Planned,
		Shared, NotFound, Denied, Rejected, Failed, Unknown, Invalid, Skipped,
	}
}

// ParseOutcome reports the outcome that the word names, or an error.
func ParseOutcome(word string) (Outcome, error) {
	for _, o := range Outcomes() {
		if string(o) == word {
			return o, nil
		}
	}
	return "", fmt.Errorf("%q is not an outcome", word)
}

// Settled reports whether nothing is left to do for a row with this outcome.
// For a [Duplicate] the outcome alone does not say so: see [Result.Settled].
func (o Outcome) Settled() bool {
	switch o {
	case Revoked, Absent, Restored, Present:
		return true
	}
	return false
}

// A Result is what became of one row.
type Result struct {
	Row     Row
	Outcome Outcome
	// Status is the HTTP status of the last answer, 0 when there was none.
	Status int
	// Attempts counts the requests made for this row, those of earlier runs
	// included, as far as they are known: those of a run that was killed may be
	// missing. Requests that were refused because the token had expired do not
	// count, and neither do reads of member lists, which serve several rows.
	Attempts int
	// Duration runs from the start of the first attempt of this run to the end of
	// the last one; waits between attempts are part of it.
	Duration time.Duration
	// RequestID is the id under which the server knows the last attempt.
	RequestID string
	// Message explains the outcome where the outcome does not explain itself:
	// the server's words for a refusal, the reason for an invalid row.
	Message string
	// FinishedAt is when the outcome was known.
	FinishedAt time.Time
	// Lost says that an attempt, of this run or an earlier one, may have been
	// applied without an answer that says so.
	Lost bool
	// AlsoSharedWith names the accounts and organizations that the member list
	// of the image has, if one was read: they may include the member's project.
	AlsoSharedWith string
	// MemberType is what the member is if that list has it, and not as a project.
	MemberType MemberType
	// First is the outcome of the row that a [Duplicate] repeats, as far as it
	// is known.
	First Outcome
}

// Settled reports whether nothing is left to do for the row.
func (r *Result) Settled() bool {
	if r.Outcome == Duplicate {
		return r.First.Settled()
	}
	return r.Outcome.Settled()
}

// ShareWith notes which accounts and organizations the image is also shared
// with; see AlsoSharedWith.
func (r *Result) ShareWith(others string) {
	if others == "" || others == r.AlsoSharedWith {
		return
	}
	r.AlsoSharedWith = others
	r.Message = join(r.Message, "the image is still shared with "+others+", which may include this project")
}

// Repeat completes the result of a [Duplicate] with the outcome of the row that
// it repeats. Its message says the same, for reports have nothing else:
// [RepeatedOutcome] reads it.
func (r *Result) Repeat(first Outcome) {
	r.First = first
	r.Message = repeatsLine(r.Row.FirstLine) + ": " + string(first)
}

func repeatsLine(line int) string { return fmt.Sprintf("same pair as line %d", line) }

// RepeatedOutcome returns the outcome of the repeated row from the message of a
// [Duplicate], or nothing if the message does not say it.
func RepeatedOutcome(message string) Outcome {
	_, word, _ := strings.Cut(message, ": ")
	first, err := ParseOutcome(word)
	if err != nil {
		return ""
	}
	return first
}
