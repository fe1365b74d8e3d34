package batch

import "time"

// An opening lets the pool at the server in steps: one request alone, then two
// together, then four, then a crowd, which grows as long as requests are answered,
// up to as many as there are workers. A step is over when all of its requests
// have ended, and is made again if none of them was answered. What the server
// made of a request does not matter: a 404 opens the pool as a 204 does.
//
// A server that refuses the credentials, or is in trouble, is so asked once, and
// not by all workers together. And Glance asks Keystone about a token that it
// has not seen for each request that comes before the first answer, in each of
// its processes: the one request teaches one process the token, and of those
// that follow, some keep that process busy while the others come to the next. 32
// connections that start at once make Keystone answer 32 times; so do they after
// two, when one process has happened to take both.
type opening struct {
	workers int
	// window is how many requests may be in flight.
	window int
	// sent and heard count the requests of a step, and those of them that were
	// answered. Answers to requests that started before since do not count.
	sent, heard int
	since       time.Time

	// fullSince is since when as many are in flight as may be, or the crowd has
	// grown last.
	fullSince time.Time
}

const (
	// lastStep is how many requests start together in the last step.
	lastStep = 4
	// crowd is how many requests start together at most when the steps are over.
	// Where there are more workers, one more may be in flight for each growEvery
	// in which as many as may be are, and are answered. Each of them opens a
	// connection, and to open hundreds at once keeps a processor from all else for
	// so long that the requests on them come late, and in one rush. For that
	// reason, too, a crowd that is not needed does not grow (RFC 7661).
	crowd     = 64
	growEvery = 500 * time.Microsecond
)

// open reports whether every worker may be at work.
func (o *opening) open() bool { return o.window == o.workers }

// stepping reports whether the steps are not over yet.
func (o *opening) stepping() bool { return o.window <= lastStep && !o.open() }

// mayStart reports whether a request may start beside those in flight.
func (o *opening) mayStart(inFlight int) bool {
	return inFlight < o.window && (!o.stepping() || o.sent < o.window)
}

// start begins from the first step, as the server asks for or needs.
func (o *opening) start(now time.Time) {
	o.window, o.sent, o.heard, o.since = 1, 0, 0, now
}

// ended takes the end of a request that ran from started to ended into
// account, and whether it was answered; see [Answer.answered]. inFlight is how
// many requests are still under way.
func (o *opening) ended(started, ended time.Time, answered bool, inFlight int) {
	answered = answered && started.After(o.since)
	if !o.stepping() {
		o.grow(ended, answered, inFlight+1)
		return
	}
	if answered {
		o.heard++
	}
	if inFlight > 0 {
		return
	}
	switch {
	case o.heard == 0:
	case o.window < lastStep:
		o.window = min(2*o.window, o.workers)
	default:
		o.window, o.fullSince = min(crowd, o.workers), ended
	}
	o.sent, o.heard = 0, 0
}

// grow lets more in when one of so many requests in flight has ended.
func (o *opening) grow(ended time.Time, answered bool, inFlight int) {
	if inFlight < o.window {
		o.fullSince = ended
		return
	}
	if more := ended.Sub(o.fullSince) / growEvery; answered && more > 0 {
		o.window = int(min(time.Duration(o.window)+more, time.Duration(o.workers)))
		o.fullSince = ended
	}
}
