package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"imsrevoke/batch"
	"imsrevoke/batch/cloud"
)

// runOptions are the flags of run, and of restore and check, which have some of
// them.
type runOptions struct {
	// The input.
	imageColumn, memberColumn, encoding string
	delimiter                           delimiter
	strict                              bool
	maxRows                             int
	shard                               shard
	images, members                     ids
	where                               conditions
	keep                                []string
	// outcome is what the rows must have that are chosen from a report, and
	// trustReport says that its word is enough for that.
	outcome     batch.Outcome
	trustReport bool

	approval approval

	// The report.
	report            string
	overwrite, resume bool
	lock              string
	html              string

	// The work.
	rate           rate
	workers        int
	attempts       int
	attemptTimeout time.Duration
	outagePatience time.Duration
	maxDuration    time.Duration
	drain          time.Duration
	maxFailures    allowance
	dryRun, yes    bool
	online         bool
	verify         bool

	// The cloud.
	endpoint, region, osCloud, caCert, tokenFile string
	auth                                         choice

	// What is shown.
	summary, progress, logLevel, logFormat choice

	// Who is told.
	metrics, ping string
}

func newRunOptions() *runOptions {
	o := &runOptions{
		images:         ids{parse: batch.ParseImageID},
		members:        ids{parse: batch.ParseMemberID},
		rate:           batch.DefaultRate,
		workers:        batch.DefaultWorkers,
		attempts:       batch.DefaultAttempts,
		attemptTimeout: batch.DefaultAttemptTimeout,
		outagePatience: batch.DefaultOutagePatience,
		auth:           choice{cloud.AuthAuto, []string{cloud.AuthAuto, cloud.AuthToken, cloud.AuthKeystone, cloud.AuthAKSK}},
		summary:        choice{"text", []string{"text", "json"}},
		progress:       choice{"auto", []string{"auto", "always", "never"}},
		logLevel:       choice{"warn", []string{"debug", "info", "warn", "error"}},
		logFormat:      choice{"text", []string{"text", "json"}},
	}
	if err := o.maxFailures.Set(batch.DefaultMaxFailures); err != nil {
		panic(err)
	}
	return o
}

// register adds the flags of run, in the order in which they are shown.
func (o *runOptions) register(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&o.report, "report", "", "the report `file` (default PAIRS.report.csv, beside the input)")
	o.registerStart(f)
	f.BoolVar(&o.online, "online", false, "with --dry-run: read the member lists and say what the run would find")
	f.BoolVar(&o.verify, "verify", false, "at the end, read the member lists and report whether the shares are gone")

	o.registerPace(f)
	o.registerLimits(f)
	f.StringArrayVar(&o.keep, "keep", nil, "refuse a file that names a share on this list, a CSV `file` as for list --not-in (may be repeated)")
	o.approval.register(f)
	f.Var(&o.shard, "shard", "only shard I of N of the file, counted from 0, at 1/N of the rate; /N takes I from JOB_COMPLETION_INDEX")
	o.registerInput(f)
	o.registerCloud(f)
	o.registerOutput(f)
}

// registerRestore adds the flags of restore. How a report is to be read needs no
// flags.
func (o *runOptions) registerRestore(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&o.report, "report", "", "the report `file` (default REPORT.restore.csv, beside the report that is read)")
	o.registerStart(f)
	f.BoolVar(&o.trustReport, "trust-report", false, "with --yes, restore without the journal that proves what the report says")
	o.registerPace(f)
	o.registerLimits(f)
	o.registerChoice(f)
	o.approval.register(f)
	o.registerCloud(f)
	o.registerOutput(f)
}

// registerCheck adds the flags of check.
func (o *runOptions) registerCheck(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&o.report, "report", "", "the report `file` (default FILE.check.csv, beside the input)")
	f.BoolVar(&o.overwrite, "overwrite", false, "replace an existing report, once the new one is complete")
	o.registerPace(f)
	o.registerInput(f)
	o.registerCloud(f)
	o.registerOutput(f)
}

func (o *runOptions) registerStart(f *pflag.FlagSet) {
	f.BoolVar(&o.overwrite, "overwrite", false, "replace an existing report, once the new one is complete")
	f.BoolVar(&o.resume, "resume", false, "resume from the journal of an earlier run; starts fresh if there is none")
	f.BoolVar(&o.dryRun, "dry-run", false, "read and validate the file, send nothing; writes a report only with --report")
	f.BoolVar(&o.yes, "yes", false, "do not ask before starting")
}

func (o *runOptions) registerLimits(f *pflag.FlagSet) {
	f.Var(&o.maxFailures, "max-failures", "stop when more rows than this have failed (a percentage counts from 50 finished rows on), or none")
	f.StringVar(&o.lock, "lock", "", "lock `file`; a second run exits with 75 (default one for each endpoint, project and shard)")
}

func (o *runOptions) registerPace(f *pflag.FlagSet) {
	f.Var(&o.rate, "rate", "requests by all workers, every attempt counted: 5/s, 180/m, 200/5m, unlimited")
	f.IntVar(&o.workers, "workers", o.workers, "maximum number of requests in flight")
	f.IntVar(&o.attempts, "attempts", o.attempts, "maximum number of attempts for one row")
	f.DurationVar(&o.attemptTimeout, "attempt-timeout", o.attemptTimeout, "time limit for one attempt")
	f.DurationVar(&o.outagePatience, "outage-patience", o.outagePatience, "stop when the server has served nothing for this long")
	f.DurationVar(&o.maxDuration, "max-duration", 0, "after this `time`, start nothing new, report, exit 3 (default none)")
	f.DurationVar(&o.drain, "drain", 0, "how much `time` a stopped run gives the requests in flight (default --attempt-timeout)")
}

func (o *runOptions) registerChoice(f *pflag.FlagSet) {
	f.IntVar(&o.maxRows, "max-rows", 0, "refuse a file with more rows than this (default none)")
	f.Var(&o.images, "image", "only rows with this image (may be repeated)")
	f.Var(&o.members, "member", "only rows with this member (may be repeated)")
	f.Var(&o.where, "where", "only rows with this value in this column (may be repeated; all must hold)")
}

func (o *runOptions) registerInput(f *pflag.FlagSet) {
	o.registerChoice(f)
	f.BoolVar(&o.strict, "strict", false, "refuse a file with any invalid row")
	o.registerDialect(f)
}

// registerDialect adds the flags that say how to read a file of pairs.
func (o *runOptions) registerDialect(f *pflag.FlagSet) {
	f.StringVar(&o.imageColumn, "image-column", "", "the `column` of the image ids, by name or number (default found by its name)")
	f.StringVar(&o.memberColumn, "member-column", "", "the `column` of the member ids, by name or number (default found by its name)")
	f.Var(&o.delimiter, "delimiter", "delimiter, or \"tab\" (default detected)")
	f.StringVar(&o.encoding, "encoding", "", "the `charset` of the file, such as gb18030 or utf-16le (default detected)")
}

func (o *runOptions) registerCloud(f *pflag.FlagSet) {
	f.StringVar(&o.endpoint, "endpoint", "", "the `URL` of the Image API (default from the catalog, or of the region of an access key)")
	f.Var(&o.auth, "auth", "credentials to use")
	f.StringVar(&o.osCloud, "os-cloud", "", "the `name` of a cloud in clouds.yaml (default $OS_CLOUD)")
	f.StringVar(&o.region, "region", "", "the `region` (default from clouds.yaml, $HW_REGION_NAME or $OS_REGION_NAME)")
	f.StringVar(&o.caCert, "cacert", "", "PEM `file` of the CA to trust instead of the system's (default $OS_CACERT)")
	f.StringVar(&o.tokenFile, "token-file", "", "a `file` with a ready token; needs --endpoint (default $OS_TOKEN)")
}

func (o *runOptions) registerOutput(f *pflag.FlagSet) {
	f.StringVar(&o.html, "html", "", "also write an HTML report to this `file`")
	o.registerTelling(f)
}

func (o *runOptions) registerTelling(f *pflag.FlagSet) {
	f.Var(&o.summary, "summary", "format of the summary: text (stderr) or json (stdout)")
	f.StringVar(&o.metrics, "metrics", "", "write Prometheus metrics to this `file`, whatever the exit code")
	f.StringVar(&o.ping, "ping", "", "ping a monitoring `URL`: /start, then the URL itself on success or /EXIT_CODE on failure")
	f.Var(&o.progress, "progress", "show a progress bar; auto: on a terminal")
	f.Var(&o.logLevel, "log-level", "lowest level to log to standard error")
	f.Var(&o.logFormat, "log-format", "format of the log")
}

// validate reports what the flags' own types cannot: all of it at once.
func (o *runOptions) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	const mostWorkers = 4096
	check(o.workers >= 1 && o.workers <= mostWorkers, "--workers %d: give a number from 1 to %d", o.workers, mostWorkers)
	check(o.attempts >= 1 && o.attempts <= 1000, "--attempts %d: give a number from 1 to 1000", o.attempts)
	check(o.attemptTimeout > 0, "--attempt-timeout %v: give a time such as 30s", o.attemptTimeout)
	check(o.outagePatience >= 0, "--outage-patience %v: give a time such as 10m", o.outagePatience)
	check(!o.resume || !o.overwrite, "--resume continues what --overwrite replaces; give one of them")
	check(!o.online || o.dryRun, "--online is for --dry-run; give both, or see check")
	check(!o.resume || !o.dryRun, "--dry-run sends nothing that could be resumed; give --dry-run or --resume")
	check(o.html == "" || !o.dryRun, "--html shows what a run has done; give --dry-run or --html, or make an HTML report of a dry run with imsrevoke report")
	check(o.maxDuration >= 0, "--max-duration %v: give a time such as 2h", o.maxDuration)
	check(o.drain >= 0, "--drain %v: give a time such as 5s", o.drain)
	check(o.maxRows >= 0, "--max-rows %d: give a number of rows", o.maxRows)
	errs = append(errs, o.approval.validate())
	if o.ping != "" {
		errs = append(errs, validatePing(o.ping))
	}
	return errors.Join(errs...)
}

func (o *runOptions) job() *batch.Job {
	return &batch.Job{
		Workers:        o.workers,
		Rate:           float64(o.pace()),
		Attempts:       o.attempts,
		AttemptTimeout: o.attemptTimeout,
		OutagePatience: o.outagePatience,
		MaxDuration:    o.maxDuration,
		Drain:          o.drain,
		MaxFailures:    o.maxFailures.Allowance,
	}
}
