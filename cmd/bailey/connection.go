package main

import (
	"os"

	"bailey/internal/client"
	"bailey/internal/sigv4"
)

// connection says which server a command asks.
type connection struct {
	Endpoint string `env:"BAILEY_ENDPOINT,AWS_ENDPOINT_URL" default:"${endpoint}" help:"URL of the server." placeholder:"URL"`
	Region   string `env:"BAILEY_REGION,AWS_REGION,AWS_DEFAULT_REGION" help:"Region of rules, event buses and events; the server's own if left out." placeholder:"REGION"`
}

// none says that a list is empty, and where: the region may be one that nobody thinks of, from the environment.
func (c *connection) none() string {
	if c.Region != "" {
		return "There are none in region " + c.Region + "."
	}
	return "There are none."
}

func (c *connection) client() *client.Client {
	return &client.Client{
		Endpoint: c.Endpoint,
		Region:   c.Region,
		Credentials: sigv4.Credentials{
			AccessKeyID:     os.Getenv("AWS_ACCESS_KEY_ID"),
			SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
			SessionToken:    os.Getenv("AWS_SESSION_TOKEN"),
		},
		UserAgent: "bailey/" + version(),
	}
}
