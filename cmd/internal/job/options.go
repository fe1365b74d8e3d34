package job

import (
	"fmt"
	"strings"
	"time"

	"imsrevoke/batch"
	"imsrevoke/batch/cloud"
	"imsrevoke/batch/manifest"
	"imsrevoke/cmd/internal/notify"
	"imsrevoke/cmd/internal/ui"
)

// Options say what a job does. They are grouped by what they configure, in the
// groups of the flags that set them.
type Options struct {
	Action     Action
	Input      Input
	Selection  Selection
	Approval   Approval
	Output     Output
	Limits     Limits
	Connection Connection
	Display    Display
	Monitoring notify.Targets
}

// An Action says how far a job goes, and what it asks before.
type Action struct {
	DryRun bool
	Online bool // with DryRun: the member lists are read
	Resume bool
	Yes    bool
	Verify bool
	// TrustReport says that the word of a report is enough to restore what it
	// says was revoked.
	TrustReport bool
}

// A Dialect says how a file of pairs is to be read; what is empty is detected.
type Dialect struct {
	ImageColumn, MemberColumn, Encoding string
	Delimiter                           rune
}

// An Input says how the file is read, and when it is refused.
type Input struct {
	Dialect
	Strict  bool
	MaxRows int // 0: no limit
	// Keep are files that list shares which must be kept.
	Keep []string
}

// A Selection is the part of the file that is chosen.
type Selection struct {
	Shard           manifest.Shard
	Images, Members []string
	Where           []manifest.Condition
	// Outcome is what the rows must have that are chosen from a report.
	Outcome batch.Outcome
}

// An Output names the files that a job writes. What is empty is named after the
// input, or not written.
type Output struct {
	Report, HTML, Lock string
	Overwrite          bool
}

// Limits are those of the requests.
type Limits struct {
	Rate           ui.Rate
	Workers        int
	Attempts       int
	AttemptTimeout time.Duration
	OutagePatience time.Duration
	MaxDuration    time.Duration // 0: none
	Drain          time.Duration // 0: AttemptTimeout
	MaxFailures    batch.Allowance
}

// A Connection says where the cloud is and who we are there. What is empty comes
// from the environment.
type Connection struct {
	Endpoint, Region, OSCloud, CACert, TokenFile string
	Auth                                         string
}

// Display says what is shown of a job.
type Display struct {
	Summary  string // text or json
	Progress string // auto, always or never
}

// DefaultOptions are those without any flag.
func DefaultOptions() Options {
	failures, err := batch.ParseAllowance(batch.DefaultMaxFailures)
	if err != nil {
		panic(err)
	}
	return Options{
		Limits: Limits{
			Rate:           batch.DefaultRate,
			Workers:        batch.DefaultWorkers,
			Attempts:       batch.DefaultAttempts,
			AttemptTimeout: batch.DefaultAttemptTimeout,
			OutagePatience: batch.DefaultOutagePatience,
			MaxFailures:    failures,
		},
		Connection: Connection{Auth: cloud.AuthAuto},
		Display:    Display{Summary: "text", Progress: "auto"},
	}
}

// Manifest is the dialect in the words of the manifest.
func (d *Dialect) Manifest() manifest.Options {
	return manifest.Options{ImageColumn: d.ImageColumn, MemberColumn: d.MemberColumn, Delimiter: d.Delimiter, Encoding: d.Encoding}
}

// manifest is the selection in the words of the manifest.
func (s *Selection) manifest() manifest.Selection {
	m := manifest.Selection{Shard: s.Shard, Images: s.Images, Members: s.Members}
	if s.Outcome != "" {
		m.Where = append(m.Where, manifest.Condition{Column: "outcome", Value: string(s.Outcome), Expected: "the report of a run"})
	}
	m.Where = append(m.Where, s.Where...)
	return m
}

// chooses reports whether anything but the whole file is chosen.
func (s *Selection) chooses() bool { return s.Shard.Count > 0 || s.choosesRows() }

// choosesRows reports whether rows are chosen by what is in them.
func (s *Selection) choosesRows() bool {
	return s.Outcome != "" || len(s.Where) > 0 || len(s.Images) > 0 || len(s.Members) > 0
}

// Describe say what is chosen, at which part of the rate; empty for the whole file.
func (s *Selection) Describe(whole ui.Rate) string {
	var words []string
	if s.Outcome != "" {
		words = append(words, "outcome "+string(s.Outcome))
	}
	for _, c := range s.Where {
		words = append(words, fmt.Sprintf("%s %q", c.Column, c.Value))
	}
	if s.Shard.Count > 0 {
		part := "shard " + s.Shard.String()
		if pace := s.pace(whole); pace != whole {
			part += fmt.Sprintf(" at %s of %s", pace, whole)
		}
		words = append(words, part)
	}
	for _, l := range []struct {
		what string
		list []string
	}{{"image", s.Images}, {"member", s.Members}} {
		switch len(l.list) {
		case 0:
		case 1:
			words = append(words, l.what+" "+l.list[0])
		default:
			words = append(words, ui.Plural(len(l.list), l.what))
		}
	}
	return strings.Join(words, ", ")
}

// pace is the rate of this job, which is a part of the whole rate when the job has
// a part of the file.
func (s *Selection) pace(whole ui.Rate) ui.Rate {
	if s.Shard.Count == 0 || whole == batch.Unlimited {
		return whole
	}
	return whole / ui.Rate(s.Shard.Count)
}

// pace is the rate of this job.
func (o *Options) pace() ui.Rate { return o.Selection.pace(o.Limits.Rate) }

// faster is what the plan compares the rate with when it is the default, else 0.
func (o *Options) faster() ui.Rate {
	if o.Limits.Rate != batch.DefaultRate {
		return 0
	}
	return o.Selection.pace(ui.FasterRate)
}

// chosen says what is chosen from the file.
func (o *Options) chosen() string { return o.Selection.Describe(o.Limits.Rate) }

// job is the job with these limits, at a pace.
func (l *Limits) Job(pace ui.Rate) *batch.Job {
	return &batch.Job{
		Workers:        l.Workers,
		Rate:           float64(pace),
		Attempts:       l.Attempts,
		AttemptTimeout: l.AttemptTimeout,
		OutagePatience: l.OutagePatience,
		MaxDuration:    l.MaxDuration,
		Drain:          l.Drain,
		MaxFailures:    l.MaxFailures,
	}
}
