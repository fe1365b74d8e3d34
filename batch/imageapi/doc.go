// Package imageapi speaks the members part of the OpenStack Image API v2, which
// Huawei Cloud IMS has too: it makes one request at a time, and says what the
// answer means in the words of package batch. Whether a request is made again
// is not decided here.
//
// The calls are described at
// https://docs.openstack.org/api-ref/image/v2/#sharing; what a real Glance
// answers, and does not document, stands beside the code that deals with it.
package imageapi
