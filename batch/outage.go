package batch

import (
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// An outage is a time in which the server serves nobody. No row is sent during an
// outage, so that none uses up its attempts. Instead a single read is made from
// time to time, until one is served.
//
// Throttling is not an outage: it pauses the pool, which then goes on with its
// rows. But the patience limits both.
type outage struct {
	patience time.Duration
	// since is when the first unserved request after the last served one started;
	// the latter ended at servedAt. Time in which nothing was requested does not
	// count against the server.
	since, servedAt time.Time
	unserved        int // requests since then
	failures        int // among them, since the server last answered anything
	// probe is the read that is due next or in flight; nil when there is no outage.
	probe  *task
	delays *backoff.ExponentialBackOff
}

const (
	// An outage begins when outageAnswers requests in a row failed, over at least
	// outageAfter. Both limits are reached well before a row has used up the
	// default attempts. Mistaking a few unlucky rows for an outage costs one read
	// and a pause of about half a second.
	outageAfter   = time.Second
	outageAnswers = 3
)

// watch detects the start and the end of an outage by the last answer to t.
func (d *dispatcher) watch(t *task, event *Event) {
	o := &d.outage
	m := t.last.Meaning
	if !m.transient() {
		o.over(t)
		o.unserved, o.servedAt = 0, t.ended
		return
	}
	lasting := o.count(t)
	if m == Throttled {
		o.over(t)
		if o.patience > 0 && o.unserved >= outageAnswers && lasting >= o.patience {
			d.endOutage(t)
		}
		return
	}
	o.failures++
	if o.probe == nil && o.patience > 0 && o.failures >= outageAnswers && lasting >= outageAfter && d.stopped == nil {
		o.delays = newBackoff()
		o.probe = t.asProbe()
		d.slowStart.restart(t.ended)
		d.scheduleProbe(t.ended)
	}
	if o.probe != nil {
		event.Outage = lasting
	}
}

// over ends the outage, if there is one, by the answer to t.
func (o *outage) over(t *task) {
	if t != o.probe {
		o.probe = nil
	}
	o.failures, o.delays = 0, nil
}

// count counts a request that was not served, and reports for how long none was.
func (o *outage) count(t *task) time.Duration {
	if o.unserved == 0 {
		o.since = t.started
		if o.since.Before(o.servedAt) {
			o.since = o.servedAt
		}
	}
	o.unserved++
	return t.ended.Sub(o.since)
}

// scheduleProbe schedules the next read after a growing delay, and no later than
// when the patience ends.
func (d *dispatcher) scheduleProbe(now time.Time) {
	o := &d.outage
	o.probe.due = now.Add(o.delays.NextBackOff())
	if end := o.since.Add(o.patience); o.probe.due.After(end) {
		o.probe.due = end
	}
}

// startProbe starts the read if it is due and nothing else is in flight. Otherwise
// it returns how long to wait.
func (d *dispatcher) startProbe(now time.Time) (wait time.Duration) {
	probe := d.outage.probe
	if d.inFlight > 0 {
		return noDeadline
	}
	if wait := probe.due.Sub(now); wait > 0 {
		return wait
	}
	if wait := d.pace.take(now); wait > 0 {
		return wait
	}
	d.start(probe, now)
	return noDeadline
}

// probed handles the answer to the read.
func (d *dispatcher) probed(t *task) {
	o := &d.outage
	switch {
	case o.probe != t: // the run has been stopped
	case o.failures == 0:
		o.probe = nil // it is over
	case t.ended.Sub(o.since) >= o.patience:
		d.endOutage(t)
	default:
		d.scheduleProbe(t.ended)
	}
}

// endOutage stops the run: the patience ended with the last answer to t.
func (d *dispatcher) endOutage(t *task) {
	d.stop(fmt.Errorf("%w: nothing was served for %v; the last answer: %s",
		ErrOutage, t.ended.Sub(d.outage.since).Round(time.Second), t.last.Message))
}

// asProbe is a read of what t is about: of a page of the image list, or of the
// member list of its image.
func (t *task) asProbe() *task {
	return &task{probe: true, images: t.images, row: Row{Pair: Pair{ImageID: t.imageID()}}}
}
