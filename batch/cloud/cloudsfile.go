package cloud

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"gopkg.in/yaml.v2"
)

// A node is a value of a file: a text as it stands there, so that a password
// of digits stays one, or a list, or a section. It has none of them where the
// file says null.
type node struct {
	text    string
	list    []node
	section map[string]node
}

// UnmarshalYAML implements [yaml.Unmarshaler].
func (n *node) UnmarshalYAML(unmarshal func(any) error) error {
	if unmarshal(&n.text) == nil || unmarshal(&n.list) == nil {
		return nil
	}
	return unmarshal(&n.section)
}

// underscored returns n with its names written with underscores, as openstacksdk
// does.
func (n node) underscored() node {
	if n.section == nil {
		return n
	}
	section := make(map[string]node, len(n.section))
	for name, value := range n.section {
		section[strings.ReplaceAll(name, "-", "_")] = value.underscored()
	}
	n.section = section
	return n
}

func (n node) empty() bool { return n.text == "" && n.list == nil && n.section == nil }

// over returns n with what it does not say taken from below.
func (n node) over(below node) node {
	if n.empty() {
		return below
	}
	if n.section == nil || below.section == nil {
		return n
	}
	merged := maps.Clone(below.section)
	for name, value := range n.section {
		merged[name] = value.over(merged[name])
	}
	return node{section: merged}
}

// A cloudsFile is a clouds.yaml, or a file beside it of the same kind.
type cloudsFile struct {
	name   string
	clouds map[string]node
}

// openCloudsFile reads the file that a variable names, or else the first that
// exists in the places where the OpenStack clients look.
func (c Config) openCloudsFile(kind, variable, section string) (*cloudsFile, error) {
	var names []string
	named := variable != "" && c.Getenv(variable) != ""
	if named {
		names = []string{c.Getenv(variable)}
	} else {
		for _, dir := range c.configDirs() {
			for _, suffix := range []string{".yaml", ".yml", ".json"} {
				names = append(names, filepath.Join(dir, kind+suffix))
			}
		}
	}
	for _, name := range names {
		file, err := c.readCloudsFile(name, section, named)
		if !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
	}
	return nil, &noFileError{kind: kind, variable: variable, looked: names}
}

// configDirs are the directories of configuration, in the order of openstacksdk.
func (c Config) configDirs() []string {
	dirs := []string{"."}
	add := func(base string, more ...string) {
		if base == "" {
			return
		}
		if dir := filepath.Join(append(append([]string{base}, more...), "openstack")...); !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	add(c.Getenv("XDG_CONFIG_HOME"))
	add(c.Getenv("SNAP_REAL_HOME"), ".config")
	add(c.Getenv("HOME"), ".config")
	for _, base := range filepath.SplitList(c.Getenv("XDG_CONFIG_DIRS")) {
		add(base)
	}
	add("/etc/xdg")
	add("/etc")
	return dirs
}

type noFileError struct {
	kind, variable string
	looked         []string
}

func (e *noFileError) Error() string {
	looked := e.looked
	if len(looked) > 1 {
		looked = slices.DeleteFunc(slices.Clone(looked), func(name string) bool { return !strings.HasSuffix(name, ".yaml") })
	}
	return fmt.Sprintf("no %s.yaml: looked for %s", e.kind, strings.Join(looked, ", "))
}

func (e *noFileError) Is(target error) bool { return target == fs.ErrNotExist }

// readCloudsFile reads the clouds of a file, which are in a section of it. One
// that was not named but found in the current directory must not be somebody
// else's, unless a person can see the warning: it says where the run goes.
func (c Config) readCloudsFile(name, section string, named bool) (*cloudsFile, error) {
	unreadable := func(err error) error { return fmt.Errorf("cannot read %s: %w", name, cause(err)) }
	file, err := os.Open(name)
	if err != nil {
		return nil, unreadable(err)
	}
	defer file.Close()
	if filepath.Dir(name) == "." && !named {
		if err := c.checkOwner(file); err != nil {
			return nil, err
		}
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, unreadable(err)
	}
	var all node
	if err := yaml.Unmarshal(text, &all); err != nil {
		return nil, yamlError(name, err)
	}
	if err := c.warnShared("file", file, all.holdsSecret()); err != nil {
		return nil, unreadable(err)
	}
	clouds := all.section[section]
	if all.section == nil && !all.empty() || clouds.section == nil && !clouds.empty() {
		return nil, yamlError(name, errors.New(""))
	}
	return &cloudsFile{name: name, clouds: clouds.section}, nil
}

// checkOwner refuses a file that is neither ours nor root's, or warns of it.
func (c Config) checkOwner(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", file.Name(), cause(err))
	}
	owner, ok := ownerOf(info)
	if !ok || owner == 0 || owner == os.Geteuid() {
		return nil
	}
	if !c.Terminal {
		return fmt.Errorf("the file %s in the current directory belongs to another user (uid %d); remove it, or start the run elsewhere",
			file.Name(), owner)
	}
	c.Logger.Warn("the file in the current directory belongs to another user", "file", file.Name(), "uid", owner)
	return nil
}

// holdsSecret reports whether a secret is among the settings.
func (n node) holdsSecret() bool {
	for name, value := range n.section {
		if secretName().MatchString(name) && value.text != "" || value.holdsSecret() {
			return true
		}
	}
	return slices.ContainsFunc(n.list, node.holdsSecret)
}

var secretName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)password|secret|token$|passcode`) })

// cause is the cause of an error of the file system, without the operation and
// the name, which the message around it tells.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

var yamlLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`line \d+`) })

// yamlError tells where a file is wrong, and not what stands there: the text
// of err shows it, and it may be a secret.
func yamlError(name string, err error) error {
	where := yamlLine().FindString(err.Error())
	if where != "" {
		where = " (" + where + ")"
	}
	return fmt.Errorf("%s%s is not valid, or not what a clouds.yaml holds; correct it", name, where)
}

// cloudValues are the settings of a cloud of clouds.yaml in a region, which is
// empty when none is asked for: those of the profile, of clouds.yaml, of
// secure.yaml and of the region, of which the later ones win.
func (c Config) cloudValues(cloud, region string) (values, error) {
	file, err := c.openCloudsFile("clouds", "OS_CLIENT_CONFIG_FILE", "clouds")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; write one, or unset OS_CLOUD", err)
	}
	if err != nil {
		return nil, err
	}
	secure, err := c.secureNode(file, cloud)
	if err != nil {
		return nil, err
	}
	own, ok := file.clouds[cloud]
	if !ok && secure.empty() {
		return nil, fmt.Errorf("cloud %q is not in %s, which has: %s", cloud, file.name,
			strings.Join(slices.Sorted(maps.Keys(file.clouds)), ", "))
	}
	own = secure.underscored().over(own.underscored())
	from := cloudsYAML(cloud)
	profile, err := c.profileNode(from, own)
	if err != nil {
		return nil, err
	}
	regions, err := from.regions(own, profile)
	if err != nil {
		return nil, err
	}
	all := own.over(profile)
	if all.section["auth"].empty() && len(regions) == 0 {
		return nil, fmt.Errorf("cloud %q of %s has no auth section; write its credentials there", cloud, file.name)
	}
	if regions != nil {
		chosen, err := from.chooseRegion(regions, all.section["region_name"].text, region)
		if err != nil {
			return nil, err
		}
		all = chosen.over(all)
	}
	return from.flatten(all)
}

// CloudNames returns the names of the clouds in clouds.yaml, in order. There are
// none if the file cannot be read.
func (c Config) CloudNames() []string {
	file, err := c.openCloudsFile("clouds", "OS_CLIENT_CONFIG_FILE", "clouds")
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(file.clouds))
}

// secureNode is what the file of secrets says about a cloud: that of
// OS_CLIENT_SECURE_FILE, or the first where the OpenStack clients look, or the
// one beside clouds.yaml.
func (c Config) secureNode(file *cloudsFile, cloud string) (node, error) {
	secure, err := c.openCloudsFile("secure", "OS_CLIENT_SECURE_FILE", "clouds")
	if errors.Is(err, fs.ErrNotExist) && c.Getenv("OS_CLIENT_SECURE_FILE") == "" {
		secure, err = &cloudsFile{}, nil
	}
	if err != nil {
		return node{}, err
	}
	if n, ok := secure.clouds[cloud]; ok {
		return n, nil
	}
	beside, err := c.readCloudsFile(filepath.Join(filepath.Dir(file.name), "secure.yaml"), "clouds", false)
	if errors.Is(err, fs.ErrNotExist) {
		return node{}, nil
	}
	if err != nil {
		return node{}, err
	}
	return beside.clouds[cloud], nil
}

// profileNode is what the profile of a cloud says, if it names one.
func (c Config) profileNode(from place, cloud node) (node, error) {
	name := cloud.section["profile"].text
	if name == "" {
		name = cloud.section["cloud"].text
	}
	if name == "" {
		return node{}, nil
	}
	public, err := c.openCloudsFile("clouds-public", "", "public-clouds")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return node{}, err
	}
	if public != nil {
		if profile, ok := public.clouds[name]; ok {
			profile = profile.underscored()
			if !profile.section["profile"].empty() || !profile.section["cloud"].empty() {
				return node{}, fmt.Errorf("%s is a profile that names another one; write its settings into %s", from.quote("profile"), public.name)
			}
			return profile, nil
		}
	}
	what := from.quote("profile")
	if from.inFile { // a variable of that name can also be a secret of another tool
		what += fmt.Sprintf(" %q", name)
	}
	return node{}, fmt.Errorf("%s is not in clouds-public.yaml, and the profiles of openstacksdk are not known here: "+
		"write auth_url and region_name into the cloud and remove the profile", what)
}

// regions are the entries of the list of regions, of the cloud itself or, where
// that names no region, of its profile.
func (p place) regions(own, profile node) ([]node, error) {
	list, ok := own.section["regions"]
	if !ok && own.section["region_name"].empty() {
		list = profile.section["regions"]
	}
	if list.empty() {
		return nil, nil
	}
	for _, region := range list.list {
		for name := range region.section {
			if name != "name" && name != "values" {
				return nil, fmt.Errorf("%s has an entry with %s: an entry is a name, or name and values", p.quote("regions"), name)
			}
		}
		if nameOf(region) == "" {
			return nil, fmt.Errorf("%s has an entry without a name: an entry is a name, or name and values", p.quote("regions"))
		}
	}
	if len(list.list) == 0 {
		return nil, fmt.Errorf("%s is not a list of regions; correct it", p.quote("regions"))
	}
	return list.list, nil
}

func nameOf(region node) string {
	if region.section != nil {
		return region.section["name"].text
	}
	return region.text
}

// chooseRegion returns the settings of the region that is asked for. Where
// openstacksdk takes the first of several it refuses to choose.
func (p place) chooseRegion(regions []node, own, asked string) (node, error) {
	var names []string
	for _, region := range regions {
		names = append(names, nameOf(region))
	}
	choose := "set --region or OS_REGION_NAME to one of " + strings.Join(names, ", ")
	switch first := names[0]; {
	case asked != "":
	case own == first, own == "" && len(names) == 1:
		asked = first
	default:
		return node{}, fmt.Errorf("%s lists the regions %s; %s", p.name, strings.Join(names, ", "), choose)
	}
	i := slices.Index(names, asked)
	if i < 0 {
		return node{}, fmt.Errorf("region %q is not among the regions of %s; %s", asked, p.name, choose)
	}
	chosen := maps.Clone(regions[i].section["values"].underscored().section)
	if chosen == nil {
		chosen = make(map[string]node)
	}
	if other := chosen["region_name"].text; other != "" && other != asked {
		return node{}, fmt.Errorf("%s: the region %s has the region_name %s among its values; remove it", p.name, asked, other)
	}
	chosen["region_name"] = node{text: asked}
	return node{section: chosen}, nil
}
