package batch

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// An Operation is what a job does to its rows: [Revoke], [Restore] or [Check].
type Operation struct {
	// Name is the operation's name in commands and journals.
	Name string
	// send makes the request for a row. If it is nil, rows are only looked up in the
	// member lists.
	send func(API, context.Context, Pair) Answer
	// adds is set if the operation adds members instead of removing them.
	adds bool
	// decide settles a row by the member list of its image, which may be one that
	// could not be read. owned is set if the image is known to be the caller's.
	decide func(t *task, l *memberList, owned bool) decision
}

var (
	// Revoke revokes the share that each row names.
	Revoke = &Operation{Name: "run", send: API.Remove, decide: decideRemoval}
	// Restore shares the image of each row with the row's member again. The old
	// status is lost: the new share is pending, and the member has to accept it.
	Restore = &Operation{Name: "restore", send: API.Add, adds: true, decide: decideAddition}
	// Check reads the member list of each image, usually once per image, and records
	// for each row whether its share exists: [Shared] or [Absent], or why that is not
	// known. It changes nothing, so [Recorder.Begin] is not called; failures do not
	// stop it.
	Check = &Operation{Name: "check", decide: decideLookup}
)

// A decision is what a member list means for a row: an outcome, or another request.
type decision struct {
	outcome Outcome
	message string
	// resend, if set, is the spelling of the member to send next.
	resend string
}

// decideRemoval sends the row in every spelling that the list has of its member. The
// row is settled when a complete list has none of them.
func decideRemoval(t *task, l *memberList, owned bool) decision {
	member, message := t.row.Pair.MemberID, t.last.Message
	if !l.listed() {
		if t.respelled.removedAs(member) {
			return decision{outcome: Revoked, message: otherSpellings + readingList + l.answer.Message}
		}
		return decision{outcome: NotFound, message: join(message, readingList+l.answer.Message)}
	}
	left := t.respelled.left(l.members.spellings(member))
	for _, spelling := range left {
		if ValidateMemberID(spelling) == nil && !t.hasTried(spelling) {
			return decision{resend: spelling}
		}
	}
	gap := l.gapNote(owned)
	switch {
	case len(left) > 0:
		return decision{outcome: Rejected, message: join(message, stillListed(left, member))}
	case t.respelled.removed() && gap == "":
		return decision{outcome: Revoked}
	case t.respelled.removedAs(member):
		return decision{outcome: Revoked, message: otherSpellings + gap}
	case l.members.otherType(member) != "":
		return decision{outcome: Rejected, message: join(message, notAProject(l, member)+"; it is not revoked with a request for a project")}
	case gap != "":
		return decision{outcome: NotFound, message: join(message, gap)}
	case !IsProjectID(member):
		return decision{outcome: NotFound, message: join(message, unknownName(l, member))}
	case t.last.Meaning == NotAMember:
		return decision{outcome: Absent, message: message}
	default:
		return decision{outcome: Absent, message: join(message, notInList)}
	}
}

// decideAddition keeps the outcome of the server's answer unless the member is in the
// list in the spelling that was sent. A share in another spelling may be useless.
func decideAddition(t *task, l *memberList, owned bool) decision {
	message := t.last.Message
	switch member := t.row.Pair.MemberID; {
	case !l.listed():
		return decision{outcome: t.outcome(), message: join(message, readingList+l.answer.Message)}
	case slices.Contains(l.members.spellings(member), member):
		return decision{outcome: Present, message: join(message, "the member is in the image's list")}
	case l.gapNote(owned) != "":
		return decision{outcome: t.outcome(), message: join(message, l.gapNote(owned))}
	default:
		return decision{outcome: t.outcome(), message: join(message, notInList)}
	}
}

func decideLookup(t *task, l *memberList, owned bool) decision {
	t.last = l.answer
	if !l.listed() {
		return decision{outcome: t.outcome(), message: t.last.Message}
	}
	member := t.row.Pair.MemberID
	left, gap := l.members.spellings(member), l.gapNote(owned)
	switch {
	case len(left) > 0:
		return decision{outcome: Shared, message: spelledNote(left, member)}
	case l.members.otherType(member) != "":
		return decision{outcome: Shared, message: notAProject(l, member)}
	case gap != "":
		return decision{outcome: NotFound, message: gap}
	case !IsProjectID(member):
		return decision{outcome: NotFound, message: unknownName(l, member)}
	default:
		return decision{outcome: Absent}
	}
}

const (
	notInList   = "the member is not in the image's list"
	readingList = "reading the member list: "
	// otherSpellings is what a 204 leaves open.
	otherSpellings = "whether the share also exists in another spelling is not known: "
	// mayHide is said of a list that may be the view of a member.
	mayHide = "these credentials may not see all members of the image, so its list proves nothing"
)

// stillListed says that a list still has spellings of a member.
func stillListed(left []string, member string) string {
	for _, spelling := range left {
		if ValidateMemberID(spelling) != nil {
			return fmt.Sprintf("the image's list has the member as %s, which cannot be part of a request", quoteID(spelling))
		}
	}
	return join("the member is still in the image's list", spelledNote(left, member))
}

// spelledNote says how a list spells a member, if differently from a request.
func spelledNote(spellings []string, member string) string {
	for _, spelling := range spellings {
		if spelling != member {
			return "the image's list has the member as " + quoteID(spelling)
		}
	}
	return ""
}

// notAProject says what kind of member a member is that is not a project.
func notAProject(l *memberList, member string) string {
	return fmt.Sprintf("%s is an %s in the image's list, not a project", member, l.members.otherType(member).word())
}

// unknownName says why a name that is missing from a list proves nothing, and which
// ids in the list it may be a part of.
func unknownName(l *memberList, member string) string {
	text := fmt.Sprintf("%s is not a project id (32 hexadecimal digits); names are not looked up", quoteID(member))
	if similar := l.members.similar(member); len(similar) > 0 {
		text += "; it may be a part of " + strings.Join(similar, " or ") + ", which is in the image's list"
	}
	return text
}
