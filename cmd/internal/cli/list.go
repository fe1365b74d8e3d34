package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"imsrevoke/batch"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/job"
	"imsrevoke/cmd/internal/list"
	"imsrevoke/cmd/internal/ui"
	"imsrevoke/report"
)

// A listFlags is the flags of list.
type listFlags struct {
	list.Options
	logging ui.Logging
}

func newListFlags() *listFlags {
	defaults := job.DefaultOptions()
	return &listFlags{
		Options: list.Options{Limits: defaults.Limits, Connection: defaults.Connection, Display: defaults.Display},
		logging: defaultLogging,
	}
}

// anyMember takes every id that Glance can have of a member, and more.
func anyMember(id string) (string, error) {
	if _, err := batch.ParseMemberID(id); err != nil && (batch.TrimID(id) == "" || batch.Mangled(id)) {
		return "", err
	}
	return id, nil
}

func (c *Program) listCommand() *cobra.Command {
	o := newListFlags()
	cmd := &cobra.Command{
		Use:   "list [--output FILE] [--not-in FILE] [--member ID] [--os-cloud NAME] [--rate R]",
		Short: "List the shares of your images",
		Long: `List reads the image list of a project, hidden images included, and the member
list of each image. It writes one row for each share, as CSV that run, check and
--not-in read. It changes nothing.

--not-in FILE leaves out every share that FILE allows. FILE is a CSV with the
column member_id and, optionally, image_id (empty: every image), until (a date: the
entry counts to the end of that day, UTC) and reason. An earlier list is such a
file. The column "why" says why a share is listed: "not listed" or "expired DATE".

A list that is not complete is written to FILE.partial, and not to standard output
at all, unless --allow-partial is given. Standard error names the images whose
members could not be read.

--names asks Keystone for the name, the domain and the state of each member. --gone
lists only members whose project no longer exists.

--received lists the images that others share with your project. A member cannot
revoke its own shares: give the list to the owners of the images.

The exit code is 0 if the list is complete, 1 if it is complete and --not-in or
--gone found shares, 2 if nothing was sent, 3 if the list is not complete.

See also: imsrevoke help list, exit-codes.`,
		Example: `  imsrevoke list --output shares.csv
  imsrevoke list --member edc89b490d7d4392898e19b2deb34797 --output customer.csv
  imsrevoke list --not-in allowed.csv --output extra.csv
  imsrevoke list --not-in last-week.csv
  imsrevoke list --gone --all-projects --os-cloud admin
  imsrevoke list --received --output ours-to-use.csv
  imsrevoke list --format jsonl | jq -r .member_id | sort | uniq -c`,
		Args:              noFile,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.monitored(cmd, o.Monitoring, o.logging, "the list is complete", func(e *job.Environment) error {
				if err := o.validate(); err != nil {
					return err
				}
				return list.Run(cmd.Context(), e, &o.Options)
			})
		},
	}
	o.register(cmd.Flags())
	return cmd
}

func noFile(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return exit.WithHint(fmt.Errorf("list takes no file, got %q", args[0]), "name the list to write with --output, and a list to compare it with by --not-in")
}

func (o *listFlags) register(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&o.Output.Report, "output", "", "write to this `file` (default standard output)")
	f.Var(&choice{(*string)(&o.Format), words(report.ShareFormats())}, "format", "format of the list (default by the ending of --output, or csv)")
	f.BoolVar(&o.Output.Overwrite, "overwrite", false, "replace an existing list, once the new one is complete")
	f.BoolVar(&o.AllowPartial, "allow-partial", false, "write a list that is not complete under the name of --output, or to standard output")
	f.StringArrayVar(&o.NotIn, "not-in", nil, "only shares that this allow list, a CSV `file`, does not cover (may be repeated)")
	f.BoolVar(&o.AllowEmpty, "allow-empty", false, "accept an allow list without entries")
	f.Var(&ids{&o.Selection.Images, batch.ParseImageID}, "image", "only shares of this image (may be repeated)")
	f.Var(&ids{&o.Selection.Members, anyMember}, "member", "only shares with this member (may be repeated)")
	f.Var(&wordList{&o.Statuses, []string{"pending", "accepted", "rejected"}}, "status", "only shares with this status: pending, accepted, rejected (default all)")
	f.Var(day{&o.SharedBefore}, "shared-before", "only shares first made before this `date` (UTC), such as 2026-06-30")
	f.StringVar(&o.Owner, "owner", "", "list the images of this `project` (default the project of the credentials; others need an admin)")
	f.BoolVar(&o.AllProjects, "all-projects", false, "list the images of all projects (needs an admin)")
	f.BoolVar(&o.Received, "received", false, "list the images that others share with this project instead")
	f.BoolVar(&o.Names, "names", false, "look up the members in Keystone, and add their names, domains and states")
	f.BoolVar(&o.Gone, "gone", false, "only shares with projects that no longer exist in Keystone (needs an admin)")
	registerLimits(f, &o.Limits)
	registerConnection(f, &o.Connection)
	registerMonitoring(f, &o.Display, &o.Monitoring, &o.logging)
}

func (o *listFlags) validate() error {
	var errs flagErrors
	errs.limits(&o.Limits)
	errs.monitoring(&o.Monitoring)
	refuse := func(wrong bool, text string) { errs.check(!wrong, "%s", text) }
	refuse(o.Owner != "" && o.AllProjects, "--owner names one project, --all-projects all of them; give one of them")
	refuse(o.AllowEmpty && len(o.NotIn) == 0, "--allow-empty is for --not-in; give both")
	refuse(o.Display.Summary == "json" && o.Output.Report == "", "--summary json and the list both go to standard output; name a file for the list with --output")
	for _, other := range []struct {
		flag  string
		given bool
	}{
		{"--all-projects", o.AllProjects}, {"--names", o.Names}, {"--gone", o.Gone},
		{"--member", len(o.Selection.Members) > 0}, {"--shared-before", !o.SharedBefore.IsZero()},
	} {
		refuse(o.Received && other.given, "--received lists the shares of one member, without their dates: it does not go with "+other.flag)
	}
	if o.Owner != "" {
		id, err := batch.ParseMemberID(o.Owner)
		errs.check(err == nil, "--owner: %q is not a project id", o.Owner)
		o.Owner = id
	}
	var err error
	if o.Format, err = chosenFormat(o.Format, o.Output.Report, report.ShareFormats()); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// words are words of some kind as texts.
func words[T ~string](typed []T) []string {
	texts := make([]string, len(typed))
	for i, word := range typed {
		texts[i] = string(word)
	}
	return texts
}
