package cloud

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"
	"gopkg.in/yaml.v2"
)

// A cloudsFile is a clouds.yaml and the secure.yaml beside it, which may hold
// the secrets and is nil when there is none.
type cloudsFile struct {
	name           string
	clouds, secure []byte
}

// openCloudsFile reads the clouds.yaml that the OpenStack clients would take:
// the one of OS_CLIENT_CONFIG_FILE, else the first of the current directory,
// the user's and the system's.
func openCloudsFile(getenv func(string) string) (*cloudsFile, error) {
	names := []string{getenv("OS_CLIENT_CONFIG_FILE")}
	if names[0] == "" {
		names = []string{"clouds.yaml"}
		if dir := getenv("XDG_CONFIG_HOME"); dir != "" {
			names = append(names, filepath.Join(dir, "openstack", "clouds.yaml"))
		} else if home := getenv("HOME"); home != "" {
			names = append(names, filepath.Join(home, ".config", "openstack", "clouds.yaml"))
		}
		names = append(names, "/etc/openstack/clouds.yaml")
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read clouds.yaml: %w", err)
		}
		secure, err := os.ReadFile(filepath.Join(filepath.Dir(name), "secure.yaml"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read secure.yaml: %w", err)
		}
		return &cloudsFile{name: name, clouds: text, secure: secure}, nil
	}
	return nil, fmt.Errorf("no clouds.yaml: looked for %s; write one, or unset OS_CLOUD", strings.Join(names, ", "))
}

// cloudEntry is what gophercloud does not tell about a cloud.
type cloudEntry struct {
	Auth                  map[string]any `yaml:"auth"`
	ImageEndpointOverride string         `yaml:"image_endpoint_override"`
}

// entry finds a cloud by name and makes sure that gophercloud can read it: it
// panics on a cloud without credentials.
func (f *cloudsFile) entry(name string) (cloudEntry, error) {
	type file struct {
		Clouds map[string]cloudEntry `yaml:"clouds"`
	}
	var open, secure file
	if err := yaml.Unmarshal(f.clouds, &open); err != nil {
		return cloudEntry{}, yamlError(f.name, err)
	}
	if err := yaml.Unmarshal(f.secure, &secure); err != nil {
		return cloudEntry{}, yamlError("secure.yaml beside "+f.name, err)
	}
	entry, ok := open.Clouds[name]
	if !ok {
		return cloudEntry{}, fmt.Errorf("cloud %q is not in %s, which has: %s", name, f.name,
			strings.Join(slices.Sorted(maps.Keys(open.Clouds)), ", "))
	}
	if len(entry.Auth) == 0 && len(secure.Clouds[name].Auth) == 0 {
		return cloudEntry{}, fmt.Errorf("cloud %q of %s has no auth section: write its credentials there", name, f.name)
	}
	return entry, nil
}

// options are what makes gophercloud read a cloud of this file.
func (f *cloudsFile) options(cloud string) []clouds.ParseOption {
	options := []clouds.ParseOption{
		clouds.WithCloudName(cloud),
		clouds.WithCloudsYAML(bytes.NewReader(f.clouds)),
	}
	if len(f.secure) > 0 {
		options = append(options, clouds.WithSecureYAML(bytes.NewReader(f.secure)))
	}
	return options
}

var yamlLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`line \d+`) })

// parseError explains why gophercloud cannot read a cloud of this file.
func (f *cloudsFile) parseError(cloud string, err error) error {
	var wrong *yaml.TypeError
	if errors.As(err, &wrong) {
		return yamlError(f.name, err)
	}
	return fmt.Errorf("cloud %q of %s: %w", cloud, f.name, err)
}

// yamlError tells where a file is wrong, and not what stands there: the text
// of err shows it, and it may be a secret.
func yamlError(name string, err error) error {
	where := yamlLine().FindString(err.Error())
	if where != "" {
		where = " (" + where + ")"
	}
	return fmt.Errorf("%s%s is not valid, or not what a clouds.yaml holds: correct it", name, where)
}
