package job

import (
	"encoding/json"
	"os"
	"os/user"
	"time"

	"imsrevoke/batch"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/version"
	"imsrevoke/report"
)

// identity says which run this is.
func (r *run) identity() report.Run {
	projectID, _ := r.session.Project()
	identity := report.Run{
		Verb:        r.verb.Name,
		Input:       r.manifest.Name,
		Digest:      r.manifest.Digest,
		Rows:        r.manifest.Rows,
		Shard:       r.options.Selection.Shard.String(),
		Endpoint:    r.session.Endpoint().String(),
		Project:     projectID,
		Credentials: r.session.Method(),
		Version:     version.Program(),
		Started:     r.started.UTC(),
	}
	if r.options.Selection.chooses() {
		identity.WholeRows, identity.WholeDigest = r.manifest.WholeRows, r.manifest.WholeDigest
	}
	r.options.Approval.record(&identity)
	identity.Keep = r.manifest.Keep
	identity.Plan, _ = json.Marshal(r.manifest) // a struct of numbers and texts
	if r.input.journal != nil {
		then := r.input.journal.Run()
		identity.WholeRows, identity.WholeDigest = then.WholeRows, then.WholeDigest
	}
	if u, err := user.Current(); err == nil {
		identity.User = u.Username
	}
	identity.Host, _ = os.Hostname()
	return identity
}

// whole is the run with all its parts, this one being the last, which has sent so
// much.
func (r *run) whole(sent batch.Summary) report.Run {
	return r.identity().WithParts(r.journal.Earlier(), report.Part{Started: r.started.UTC(), Finished: time.Now().UTC(), Summary: sent})
}

// stopOf is how a run was stopped, for its journal.
func (r *run) stopOf(err error) report.Stop {
	if err == nil {
		return report.Stop{}
	}
	return report.Stop{
		Reason: err.Error(), Unreached: "the run stopped before this row: " + exit.Reason(err).Error(), ExitCode: r.ExitCode(err), At: time.Now(),
	}
}
