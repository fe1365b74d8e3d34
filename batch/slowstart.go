package batch

import "time"

// A slowStart limits how many requests are in flight while little is known of
// the server: first one, then two, then four, then a crowd, which grows as long as
// requests are answered, up to the number of workers. A step ends when all of
// its requests have ended, and is repeated if none of them was answered. What the
// server made of a request does not matter: a 404 counts as a 204 does.
//
// So a server that refuses the credentials, or is in trouble, is asked once, and
// not once per worker. And a new token is validated a few times, not once per
// worker: each Glance process asks Keystone about a token that it has not seen,
// for every request that arrives before Keystone's first answer. The first request
// teaches one process the token; of the next ones, some keep that process busy
// while the others reach the second one. (32 connections opened at once cost 32
// validations; so do 30 after the first two, if one process took both of them.)
type slowStart struct {
	workers int
	// window is how many requests may be in flight.
	window int
	// sent counts the requests of the current step, answered those of them that
	// were answered. Answers to requests that started before since do not count.
	sent, answered int
	since          time.Time

	// fullSince is when the number in flight last reached the window, or the
	// window last grew.
	fullSince time.Time
}

const (
	// lastStep is the window of the last step.
	lastStep = 4
	// crowd is the largest window after the steps. With more workers than that,
	// the window grows by one per growEvery, while it is full and requests are
	// answered. Each additional request opens a connection: opening hundreds at
	// once delays the requests on them, which then arrive in a burst. A window
	// that is not used does not grow (RFC 7661).
	crowd     = 64
	growEvery = 500 * time.Microsecond
)

// open reports whether every worker may be busy.
func (s *slowStart) open() bool { return s.window == s.workers }

// stepping reports whether the steps are not over yet.
func (s *slowStart) stepping() bool { return s.window <= lastStep && !s.open() }

// mayStart reports whether one more request may start.
func (s *slowStart) mayStart(inFlight int) bool {
	return inFlight < s.window && (!s.stepping() || s.sent < s.window)
}

// restart goes back to the first step.
func (s *slowStart) restart(now time.Time) {
	s.window, s.sent, s.answered, s.since = 1, 0, 0, now
}

// ended notes the end of a request that ran from started to ended, and whether it
// was answered; see [Answer.answered]. inFlight counts the requests that are still
// under way.
func (s *slowStart) ended(started, ended time.Time, answered bool, inFlight int) {
	answered = answered && started.After(s.since)
	if !s.stepping() {
		s.grow(ended, answered, inFlight+1)
		return
	}
	if answered {
		s.answered++
	}
	if inFlight > 0 {
		return
	}
	switch {
	case s.answered == 0:
	case s.window < lastStep:
		s.window = min(2*s.window, s.workers)
	default:
		s.window, s.fullSince = min(crowd, s.workers), ended
	}
	s.sent, s.answered = 0, 0
}

// grow widens the window after one of inFlight requests has ended.
func (s *slowStart) grow(ended time.Time, answered bool, inFlight int) {
	if inFlight < s.window {
		s.fullSince = ended
		return
	}
	if more := ended.Sub(s.fullSince) / growEvery; answered && more > 0 {
		s.window = int(min(time.Duration(s.window)+more, time.Duration(s.workers)))
		s.fullSince = ended
	}
}
