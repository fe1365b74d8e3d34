package batch

import "time"

// Meaning is what an answer of an [API] says. Whether and when the request is
// repeated follows from it, and is decided in this package, not by the API.
type Meaning uint8

// The meanings of answers.
const (
	// Unanswered: the request was or may have been sent, and no answer came: it may
	// have been applied. This is the zero Meaning, so that a forgotten one never
	// looks better than it is.
	Unanswered Meaning = iota
	// Removed: the server says that it has removed the member.
	Removed
	// Added: the server says that it has added the member.
	Added
	// Listed: the server has sent the list that was asked for.
	Listed
	// NotAMember: the server says that the member is not in the image's list,
	// as far as these credentials may see that.
	NotAMember
	// AlreadyMember: the server says that the member is in the image's list.
	AlreadyMember
	// Conflict: the server refuses to add the member because of the existing ones:
	// their number is at its limit, or the reason is not given. The member may be
	// in the list already.
	Conflict
	// NoSuchImage: the server says that there is no such image, or that these
	// credentials may not see it; the answers are the same.
	NoSuchImage
	// NotShared: the server says that the image has no members at this time,
	// since it is not of the kind that is shared.
	NotShared
	// AmbiguousNotFound: a 404 that does not say what was not found.
	AmbiguousNotFound
	// Unauthorized: the credentials are refused and cannot be renewed.
	Unauthorized
	// Renewed: the credentials were refused and have been renewed: the request may
	// be repeated at once.
	Renewed
	// Forbidden: the credentials are valid, but do not allow this.
	Forbidden
	// WrongEndpoint: there is no Image API at this address.
	WrongEndpoint
	// Refused: any other final refusal. Without a status nothing was sent.
	Refused
	// Throttled: too many requests; not applied.
	Throttled
	// Unavailable: the server cannot serve now; not applied.
	Unavailable
	// Broken: the server, or a gateway before it, failed on the way: it may
	// have been applied.
	Broken
	// Unreachable: the request never left; not applied.
	Unreachable
	// Misconfigured: no request can get through because of a mistake in the set-up;
	// not applied. Once a request has got through, it counts as Unreachable.
	Misconfigured
)

// transient reports whether the same request may succeed later.
func (m Meaning) transient() bool {
	switch m {
	case Unanswered, Throttled, Unavailable, Broken, Unreachable:
		return true
	}
	return false
}

// maybeApplied reports whether the request may have been applied although the
// answer does not say so.
func (m Meaning) maybeApplied() bool { return m == Unanswered || m == Broken }

// ambiguous reports whether the answer leaves open whether the member is in the
// image's list, so that the list must be read.
func (m Meaning) ambiguous() bool { return m == NotAMember || m == AmbiguousNotFound || m == Conflict }

// answered reports whether the server dealt with the request, whatever the result.
// A server that is in trouble, refuses the credentials, or is not an Image API did
// not.
func (a *Answer) answered() bool {
	switch a.Meaning {
	case Unauthorized, Renewed, WrongEndpoint, Misconfigured:
		return false
	case Refused:
		return a.Status != 0
	}
	return !a.Meaning.transient()
}

// Served reports whether the answer shows that the server works and accepts the
// credentials.
func (m Meaning) Served() bool {
	switch m {
	case Removed, Added, Listed, NotAMember, AlreadyMember, Conflict, NoSuchImage, NotShared, Forbidden:
		return true
	}
	return false
}

// An Answer is what came of one request.
type Answer struct {
	Meaning Meaning
	// Status is the HTTP status, 0 when no answer came.
	Status int
	// RetryAfter is how long the server asks the client to wait, 0 if it does not
	// say.
	RetryAfter time.Duration
	// Limit is the server's rate limit in requests a second, counted over
	// LimitWindow. Both are 0 if it does not say.
	Limit       float64
	LimitWindow time.Duration
	// RequestID identifies the request in the server's log.
	RequestID string
	// Message is the server's or the transport's explanation: one line of
	// printable text of limited length, without secrets.
	Message string
}
