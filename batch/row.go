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
	// ImageID and MemberID are the cells as the input has them.
	ImageID, MemberID string
	// Pair is the pair that the cells name. It is invalid if Problem is set.
	Pair Pair
	// Problem says why the row is not a pair, empty if it is one.
	Problem string
	// FirstLine is the line of the first row with the same pair, for a row that
	// repeats one, and 0 otherwise; FirstSeq is the Seq of that row.
	FirstLine, FirstSeq int
	// Respelled says that this row, or one that repeats it, spells its member differently
	// from Pair: the share may exist in that spelling, too.
	Respelled bool
	// PastAttempts is how many attempts earlier runs are known to have made for the row.
	// Lost says that one of them may have been applied without an answer that says so.
	PastAttempts int
	Lost         bool
	// Owned says that the caller is known to own the image, so that its member list shows
	// every member.
	Owned bool
}

// ParsePair sets Pair from the cells, and Respelled if they spell the member differently.
// The error says why they are not a pair.
func (r *Row) ParsePair() (err error) {
	if r.Pair, err = ParsePair(r.ImageID, r.MemberID); err == nil {
		r.Respelled = r.MemberID != r.Pair.MemberID && !r.Pair.SpellsMember(r.MemberID)
	}
	return err
}

// Unsent reports whether the row needs no request, and returns its result in that case,
// [Invalid] or [Duplicate], without a time.
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

// The outcomes of rows. See [Outcome.Settled] for those that leave nothing to do.
const (
	// Revoked: the server answered 204 to this row.
	Revoked Outcome = "revoked"
	// Absent: the image's list proves that it does not have the member, in any spelling
	// of its id.
	Absent Outcome = "absent"
	// Restored: the server answered 200 to this row.
	Restored Outcome = "restored"
	// Present: the image's list has the member already.
	Present Outcome = "present"
	// Duplicate: an earlier row has the same pair; nothing was sent. It is
	// settled if that row is.
	Duplicate Outcome = "duplicate"
	// NotFound: the image does not exist, or these credentials cannot see it, or the
	// member is missing from a list that proves nothing. The share may still exist.
	NotFound Outcome = "not_found"
	// Denied: 401 or 403.
	Denied Outcome = "denied"
	// Rejected: 400 or another final refusal.
	Rejected Outcome = "rejected"
	// Failed: no attempts are left, and the server certainly applied none.
	Failed Outcome = "failed"
	// Unknown: no attempts are left, and at least one may have been applied without an
	// answer that says so.
	Unknown Outcome = "unknown"
	// Invalid: the row is not a pair; nothing was sent.
	Invalid Outcome = "invalid"
	// Skipped: the run stopped before the row had its first or another attempt, and none
	// can have been applied.
	Skipped Outcome = "skipped"
	// Planned: a dry run would send this row.
	Planned Outcome = "planned"
	// Shared: a check found the member in the image's list.
	Shared Outcome = "shared"
)

// Outcomes lists every outcome, in the order in which they are shown.
func Outcomes() []Outcome {
	return []Outcome{
		Revoked, Absent, Restored, Present, Duplicate, Planned,
		Shared, NotFound, Denied, Rejected, Failed, Unknown, Invalid, Skipped,
	}
}

// ParseOutcome returns the outcome of this name, or an error.
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

// A Result is the result of one row.
type Result struct {
	Row     Row
	Outcome Outcome
	// Status is the HTTP status of the last answer, 0 when there was none.
	Status int
	// Attempts counts the requests made for this row, including those of earlier runs,
	// except that those of a run that was killed may be missing. Requests refused because
	// the token had expired do not count, nor do reads of member lists, which serve several
	// rows.
	Attempts int
	// Duration is the time from the start of the first attempt of this run to the end of
	// the last one, including waits between attempts.
	Duration time.Duration
	// RequestID identifies the last attempt in the server's log.
	RequestID string
	// Message explains the outcome, if it needs that: the server's message for a refusal,
	// the reason for an invalid row.
	Message string
	// FinishedAt is when the outcome became known.
	FinishedAt time.Time
	// Lost says that an attempt, of this run or an earlier one, may have been
	// applied without an answer that says so.
	Lost bool
	// AlsoSharedWith names the accounts and organizations in the member list of the
	// image, if one was read: they may include the member's project.
	AlsoSharedWith string
	// MemberType is the type of the member if that list has it, but not as a project.
	MemberType MemberType
	// First is the outcome of the row that a [Duplicate] repeats, if known.
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

// Repeat completes the result of a [Duplicate] with the outcome of the row that it
// repeats. The message has it, too, since reports have no column for it:
// [RepeatedOutcome] parses that.
func (r *Result) Repeat(first Outcome) {
	r.First = first
	r.Message = repeatsLine(r.Row.FirstLine) + ": " + string(first)
}

func repeatsLine(line int) string { return fmt.Sprintf("same pair as line %d", line) }

// RepeatedOutcome parses the outcome of the repeated row from the message of a
// [Duplicate]. It is empty if the message does not have it.
func RepeatedOutcome(message string) Outcome {
	_, word, _ := strings.Cut(message, ": ")
	first, err := ParseOutcome(word)
	if err != nil {
		return ""
	}
	return first
}
