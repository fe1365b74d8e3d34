package cloud

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
)

// regionForm is the form of Huawei Cloud's regions, which become a part of host
// names: cn-north-4, my-kualalumpur-1.
var regionForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`) })

// huaweiAddress is the address of a service in a region of Huawei Cloud.
// The regions in Europe have a domain of their own, as the Terraform provider
// has it.
func huaweiAddress(service, region string) (*url.URL, error) {
	if !regionForm().MatchString(region) {
		return nil, fmt.Errorf("%q is not a region of Huawei Cloud; set --region to one such as cn-north-4", region)
	}
	domain := "myhuaweicloud.com"
	if strings.HasPrefix(region, "eu-west-1") {
		domain = "myhuaweicloud.eu"
	}
	return &url.URL{Scheme: "https", Host: service + "." + region + "." + domain}, nil
}

// huaweiRegion is the region for an access key.
func (c Config) huaweiRegion() string {
	return cmp.Or(c.Region, c.Getenv("HW_REGION_NAME"), c.Getenv("OS_REGION_NAME"))
}

// huaweiProject is the id of the project, where it need not be looked up.
func (c Config) huaweiProject() string {
	return cmp.Or(c.Getenv("HUAWEICLOUD_SDK_PROJECT_ID"), c.Getenv("HW_PROJECT_ID"))
}

// accessKeyLogin uses an access key, or, where none was found, those of the
// metadata service; missing is the error when that has none either.
func (c Config) accessKeyLogin(found *foundKey, missing error) (*login, error) {
	v, err := environmentValues(c.Getenv, withoutLogin)
	if err != nil {
		return nil, err
	}
	config, err := c.tlsConfig(environment, v)
	if err != nil {
		return nil, err
	}
	region := c.huaweiRegion()
	keys := &accessKeys{client: newIAM(config), project: tokens.Project{Name: region}}
	if found == nil {
		found = &foundKey{from: "the metadata service"}
		keys.metadata, keys.missing = newMetadata(c.Metadata), missing
	}
	keys.ready, keys.method = found.accessKey, "access key from "+found.from
	keys.project.ID = cmp.Or(found.projectID, c.huaweiProject())

	l := &login{issuer: keys, method: keys.method, region: region, tls: config, setting: "--region or --endpoint"}
	switch {
	case c.Endpoint != "":
		l.endpoint, err = parseBase("--endpoint", c.Endpoint)
	case region == "":
		err = fmt.Errorf("the %s has no catalog; set --region, or --endpoint to the Image API", keys.method)
	default:
		l.endpoint, err = huaweiAddress("ims", region)
	}
	if err == nil && keys.project.ID == "" {
		keys.iam, err = c.iamAddress(found.iam, region, l.endpoint)
	}
	if err != nil {
		return nil, err
	}
	if keys.project.ID != "" {
		keys.project.Name = "" // it need not be the region's
	} else {
		warnPlain(c.Logger, "IAM", keys.iam)
	}
	return l, nil
}

// iamAddress finds the Identity API, for the lookup of the project: where it is
// said to be, else beside the Image API. It does not guess any further: what is
// signed goes to nobody who was not named.
func (c Config) iamAddress(profile, region string, endpoint *url.URL) (*url.URL, error) {
	const variable = "HUAWEICLOUD_SDK_IAM_ENDPOINT"
	if region == "" {
		return nil, errors.New("the project of the access key is not known; set --region, so that it can be looked up, or HUAWEICLOUD_SDK_PROJECT_ID")
	}
	if address := c.Getenv(variable); address != "" {
		return parseBase(variable, address)
	}
	if profile != "" {
		return parseBase("iam_endpoint of the profile", profile)
	}
	host, ok := strings.CutPrefix(endpoint.Host, "ims.")
	if !ok {
		return nil, fmt.Errorf("the project of the access key is not known, and the Identity API of %s neither; set HUAWEICLOUD_SDK_PROJECT_ID or %s",
			endpoint, variable)
	}
	return &url.URL{Scheme: endpoint.Scheme, Host: "iam." + host}, nil
}
