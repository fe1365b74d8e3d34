package cli

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"imsrevoke/batch"
	"imsrevoke/batch/cloud"
	"imsrevoke/cmd/internal/job"
	"imsrevoke/cmd/internal/notify"
	"imsrevoke/cmd/internal/ui"
)

// A runFlags is the flags of run, and of restore and check, which have some of
// them.
type runFlags struct {
	job.Options
	// shard completes the part of the file that was chosen.
	shard   shard
	logging ui.Logging
}

var defaultLogging = ui.Logging{Level: "warn", Format: "text"}

func newRunFlags() *runFlags {
	o := &runFlags{Options: job.DefaultOptions(), logging: defaultLogging}
	o.shard.part = &o.Selection.Shard
	return o
}

// register adds the flags of run, in the order in which they are shown.
func (o *runFlags) register(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&o.Output.Report, "report", "", "the report `file` (default PAIRS.report.csv, beside the input)")
	o.registerStart(f)
	f.BoolVar(&o.Action.Online, "online", false, "with --dry-run: read the member lists and say what the run would find")
	f.BoolVar(&o.Action.Verify, "verify", false, "at the end, read the member lists and report whether the shares are gone")

	registerLimits(f, &o.Limits)
	o.registerStops(f)
	f.StringArrayVar(&o.Input.Keep, "keep", nil, "refuse a file that names a share on this list, a CSV `file` as for list --not-in (may be repeated)")
	registerApproval(f, &o.Approval)
	f.Var(&o.shard, "shard", "only shard I of N of the file, counted from 0, at 1/N of the rate; /N takes I from JOB_COMPLETION_INDEX")
	o.registerInput(f)
	registerConnection(f, &o.Connection)
	o.registerOutput(f)
}

// registerRestore adds the flags of restore. How a report is to be read needs no
// flags.
func (o *runFlags) registerRestore(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&o.Output.Report, "report", "", "the report `file` (default REPORT.restore.csv, beside the report that is read)")
	o.registerStart(f)
	f.BoolVar(&o.Action.TrustReport, "trust-report", false, "with --yes, restore without the journal that proves what the report says")
	registerLimits(f, &o.Limits)
	o.registerStops(f)
	o.registerChoice(f)
	registerApproval(f, &o.Approval)
	registerConnection(f, &o.Connection)
	o.registerOutput(f)
}

// registerCheck adds the flags of check.
func (o *runFlags) registerCheck(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&o.Output.Report, "report", "", "the report `file` (default FILE.check.csv, beside the input)")
	f.BoolVar(&o.Output.Overwrite, "overwrite", false, "replace an existing report, once the new one is complete")
	registerLimits(f, &o.Limits)
	o.registerInput(f)
	registerConnection(f, &o.Connection)
	o.registerOutput(f)
}

func (o *runFlags) registerStart(f *pflag.FlagSet) {
	f.BoolVar(&o.Output.Overwrite, "overwrite", false, "replace an existing report, once the new one is complete")
	f.BoolVar(&o.Action.Resume, "resume", false, "resume from the journal of an earlier run; starts fresh if there is none")
	f.BoolVar(&o.Action.DryRun, "dry-run", false, "read and validate the file, send nothing; writes a report only with --report")
	f.BoolVarP(&o.Action.Yes, "yes", "y", false, "do not ask before starting")
}

func (o *runFlags) registerStops(f *pflag.FlagSet) {
	f.Var(allowance{&o.Limits.MaxFailures}, "max-failures", "stop when more rows than this have failed (a percentage: once 50 rows are finished); \"none\" never stops")
	f.StringVar(&o.Output.Lock, "lock", "", "lock `file`; a second run exits with 75 (default one for each endpoint, project and shard)")
}

func registerLimits(f *pflag.FlagSet, l *job.Limits) {
	f.Var((*rate)(&l.Rate), "rate", "requests by all workers, every attempt counted: 5/s, 180/m, 200/5m, unlimited")
	f.IntVar(&l.Workers, "workers", l.Workers, "maximum number of requests in flight")
	f.IntVar(&l.Attempts, "attempts", l.Attempts, "maximum number of attempts for one row")
	f.DurationVar(&l.AttemptTimeout, "attempt-timeout", l.AttemptTimeout, "time limit for one attempt")
	f.DurationVar(&l.OutagePatience, "outage-patience", l.OutagePatience, "stop when the server has served nothing for this long")
	f.DurationVar(&l.MaxDuration, "max-duration", 0, "after this `time`, start nothing new, report, exit 3 (default none)")
	f.DurationVar(&l.Drain, "drain", 0, "how much `time` a stopped run gives the requests in flight (default --attempt-timeout)")
}

func (o *runFlags) registerChoice(f *pflag.FlagSet) {
	f.IntVar(&o.Input.MaxRows, "max-rows", 0, "refuse a file with more rows than this (default none)")
	f.Var(&ids{&o.Selection.Images, batch.ParseImageID}, "image", "only rows with this image (may be repeated)")
	f.Var(&ids{&o.Selection.Members, batch.ParseMemberID}, "member", "only rows with this member (may be repeated)")
	f.Var((*conditions)(&o.Selection.Where), "where", "only rows with this value in this column (may be repeated; all must hold)")
}

func (o *runFlags) registerInput(f *pflag.FlagSet) {
	o.registerChoice(f)
	f.BoolVar(&o.Input.Strict, "strict", false, "refuse a file with any invalid row")
	registerDialect(f, &o.Input.Dialect)
}

// registerDialect adds the flags that say how to read a file of pairs.
func registerDialect(f *pflag.FlagSet, d *job.Dialect) {
	f.StringVar(&d.ImageColumn, "image-column", "", "the `column` of the image ids, by name or number (default found by its name)")
	f.StringVar(&d.MemberColumn, "member-column", "", "the `column` of the member ids, by name or number (default found by its name)")
	f.Var((*delimiter)(&d.Delimiter), "delimiter", "delimiter, or \"tab\" (default detected)")
	f.StringVar(&d.Encoding, "encoding", "", "the `charset` of the file, such as gb18030 or utf-16le (default detected)")
}

func registerConnection(f *pflag.FlagSet, c *job.Connection) {
	f.StringVar(&c.Endpoint, "endpoint", "", "the `URL` of the Image API (default from the catalog, or of the region of an access key)")
	f.Var(&choice{&c.Auth, []string{cloud.AuthAuto, cloud.AuthToken, cloud.AuthKeystone, cloud.AuthAKSK}}, "auth", "credentials to use")
	f.StringVar(&c.OSCloud, "os-cloud", "", "the `name` of a cloud in clouds.yaml (default $OS_CLOUD)")
	f.StringVar(&c.Region, "region", "", "the `region` (default from clouds.yaml, $HW_REGION_NAME or $OS_REGION_NAME)")
	f.StringVar(&c.CACert, "cacert", "", "PEM `file` of the CA to trust instead of the system's (default $OS_CACERT)")
	f.StringVar(&c.TokenFile, "token-file", "", "a `file` with a ready token; needs --endpoint (default $OS_TOKEN)")
}

func (o *runFlags) registerOutput(f *pflag.FlagSet) {
	f.StringVar(&o.Output.HTML, "html", "", "also write an HTML report to this `file`")
	registerMonitoring(f, &o.Display, &o.Monitoring, &o.logging)
}

func registerMonitoring(f *pflag.FlagSet, d *job.Display, m *notify.Targets, l *ui.Logging) {
	f.Var(&choice{&d.Summary, []string{"text", "json"}}, "summary", "format of the summary: text (stderr) or json (stdout)")
	f.StringVar(&m.Metrics, "metrics", "", "write Prometheus metrics to this `file`, whatever the exit code")
	f.StringVar(&m.Ping, "ping", "", "ping a monitoring `URL`: /start, then the URL itself on success or /EXIT_CODE on failure")
	f.Var(&choice{&d.Progress, []string{"auto", "always", "never"}}, "progress", "show a progress bar; auto: on a terminal")
	f.Var(&choice{&l.Level, []string{"debug", "info", "warn", "error"}}, "log-level", "lowest level to log to standard error")
	f.Var(&choice{&l.Format, []string{"text", "json"}}, "log-format", "format of the log")
}

// validate reports what the flags' own types cannot: all of it at once.
func (o *runFlags) validate() error {
	var errs flagErrors
	errs.limits(&o.Limits)
	errs.check(!o.Action.Resume || !o.Output.Overwrite, "--resume continues what --overwrite replaces; give one of them")
	errs.check(!o.Action.Online || o.Action.DryRun, "--online is for --dry-run; give both, or see check")
	errs.check(!o.Action.Resume || !o.Action.DryRun, "--dry-run sends nothing that could be resumed; give --dry-run or --resume")
	errs.check(o.Output.HTML == "" || !o.Action.DryRun, "--html shows what a run has done; give --dry-run or --html, or make an HTML report of a dry run with imsrevoke report")
	errs.check(o.Input.MaxRows >= 0, "--max-rows %d: give a number of rows", o.Input.MaxRows)
	errs.approval(&o.Approval)
	errs.monitoring(&o.Monitoring)
	return errors.Join(errs...)
}

// flagErrors is what is wrong with flags.
type flagErrors []error

func (e *flagErrors) check(ok bool, format string, args ...any) {
	if !ok {
		*e = append(*e, fmt.Errorf(format, args...))
	}
}

func (e *flagErrors) limits(l *job.Limits) {
	const mostWorkers = 4096
	e.check(l.Workers >= 1 && l.Workers <= mostWorkers, "--workers %d: give a number from 1 to %d", l.Workers, mostWorkers)
	e.check(l.Attempts >= 1 && l.Attempts <= 1000, "--attempts %d: give a number from 1 to 1000", l.Attempts)
	e.check(l.AttemptTimeout > 0, "--attempt-timeout %v: give a time such as 30s", l.AttemptTimeout)
	e.check(l.OutagePatience >= 0, "--outage-patience %v: give a time such as 10m", l.OutagePatience)
	e.check(l.MaxDuration >= 0, "--max-duration %v: give a time such as 2h", l.MaxDuration)
	e.check(l.Drain >= 0, "--drain %v: give a time such as 5s", l.Drain)
}

func (e *flagErrors) approval(a *job.Approval) {
	a.Digest = strings.ToLower(strings.TrimSpace(a.Digest))
	e.check(a.Digest == "" || len(a.Digest) == 64 && strings.Trim(a.Digest, "0123456789abcdef") == "",
		"--expect-sha256 %q: give all 64 hexadecimal digits that --dry-run shows", a.Digest)
	e.check(a.ProjectID == "" || batch.IsProjectID(batch.MemberKey(a.ProjectID)),
		"--expect-project %q: give the id of a project, 32 hexadecimal digits", a.ProjectID)
	for _, text := range []struct {
		flag, value string
		most        int
	}{{"--ticket", a.Ticket, 200}, {"--reason", a.Reason, 1000}} {
		e.check(utf8.RuneCountInString(text.value) <= text.most && utf8.ValidString(text.value) && !strings.ContainsFunc(text.value, unicode.IsControl),
			"%s: give one line of at most %d characters", text.flag, text.most)
	}
}

func (e *flagErrors) monitoring(m *notify.Targets) {
	if m.Ping != "" {
		if err := notify.ValidatePing(m.Ping); err != nil {
			*e = append(*e, err)
		}
	}
}

func registerApproval(f *pflag.FlagSet, a *job.Approval) {
	f.StringVar(&a.Digest, "expect-sha256", "", "refuse rows whose SHA-256 `digest` is not this one, which --dry-run and the plan show")
	f.StringVar(&a.ProjectID, "expect-project", "", "refuse credentials for any project but the one with this `id`")
	f.StringVar(&a.Ticket, "ticket", "", "the `id` of the decision, for the record")
	f.StringVar(&a.Reason, "reason", "", "why the shares are revoked, in `words`, for the record")
}
