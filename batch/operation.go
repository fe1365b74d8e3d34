package batch

import "context"

// An operation is what a run does with its rows.
type operation struct {
	// send makes the request for one row. Without it nothing is sent, and the
	// rows are looked up in the member lists.
	send func(API, context.Context, Pair) Answer
	// shares says that the operation puts the member into the list, and does
	// not take it out.
	shares bool
	// byList is what becomes of a row by the member list of its image, which
	// may be one that could not be had.
	byList func(*task, *listing) (Outcome, string)
}

var (
	withdrawal  = &operation{send: API.Remove, byList: withdrawnByList}
	restoration = &operation{send: API.Add, shares: true, byList: restoredByList}
	lookup      = &operation{byList: foundByList}
)

func withdrawnByList(t *task, l *listing) (Outcome, string) {
	switch message := t.last.Message; {
	case t.last.Meaning == NotAMember && l.answer.Meaning == Listed && l.members.Complete:
		// The image is ours, which makes the answer a proof, and a newer one
		// than the list.
		return Absent, message
	case l.gone(t.row.Pair.MemberID):
		return Absent, join(message, notInList)
	case l.answer.Meaning != Listed:
		return NotFound, join(message, readingList+l.answer.Message)
	case l.members.Has(t.row.Pair.MemberID):
		// The list may have been read before this row was sent.
		return Rejected, join(message, "the member was in the image's list when that was read")
	default:
		return NotFound, join(message, mayHide)
	}
}

// restoredByList leaves what the server has said as it is unless the member is
// in the list: then it is there, whatever the server has said.
func restoredByList(t *task, l *listing) (Outcome, string) {
	switch message := t.last.Message; {
	case l.answer.Meaning != Listed:
		return t.outcome(), join(message, readingList+l.answer.Message)
	case l.members.Has(t.row.Pair.MemberID):
		return Present, join(message, "the member is in the image's list")
	case l.members.Complete:
		return t.outcome(), join(message, notInList)
	default:
		return t.outcome(), join(message, mayHide)
	}
}

func foundByList(t *task, l *listing) (Outcome, string) {
	t.last = l.answer
	switch {
	case l.gone(t.row.Pair.MemberID):
		return Absent, ""
	case l.answer.Meaning != Listed:
		return t.outcome(), t.last.Message
	case l.members.Has(t.row.Pair.MemberID):
		return Shared, ""
	default:
		return NotFound, mayHide
	}
}

const (
	notInList   = "the member is not in the image's list"
	readingList = "reading the member list: "
	// mayHide says of a list that it is not known to be complete.
	mayHide = "the member list that these credentials see may hide others: it proves nothing"
)
