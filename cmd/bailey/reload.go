package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"

	"bailey/internal/daemon"
	"bailey/internal/request"
)

// reloadOn reads the config file again at each signal, until ctx is done. A
// file that has a mistake changes nothing.
func (c *serveCommand) reloadOn(ctx context.Context, signals <-chan os.Signal, file *config, server *daemon.Server, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
		}
		if c.Config == "" {
			log.Warn("there is nothing to reload: the server was started without a config file")
			continue
		}
		next, err := readConfig(c.Config, os.LookupEnv)
		if err == nil {
			err = c.reload(ctx, file, next, server, log)
		}
		if err != nil {
			log.Error("the config file was not reloaded", "file", c.Config, "error", err)
			continue
		}
		file = next
	}
}

// reload puts into effect what another config file says, as far as a server
// that runs can, and says in the log what that is and what needs a restart.
func (c *serveCommand) reload(ctx context.Context, old, next *config, server *daemon.Server, log *slog.Logger) error {
	level, err := c.levelOf(next)
	if err != nil {
		return err
	}
	if err := c.signer.Replace(next.credentials); err != nil {
		return fmt.Errorf("reading the credentials: %w", err)
	}
	var changed []string
	if !reflect.DeepEqual(old.credentials, next.credentials) {
		changed = append(changed, "credentials")
	}
	if level != c.level.Level() {
		c.level.Set(level)
		changed = append(changed, "log.level")
	}
	for _, api := range next.apis {
		same, err := registered(old, api)
		if err != nil {
			return err
		}
		if same {
			continue
		}
		if err := server.Router().Rules().PutAPI(ctx, api); err != nil {
			return fmt.Errorf("registering API %s: %w", api.ID, err)
		}
		changed = append(changed, "apis."+api.ID)
	}
	restart := needRestart(&old.configFile, &next.configFile)
	log.Info("the config file was reloaded", "file", c.Config, "changed", strings.Join(changed, ", "), "needs_restart", strings.Join(restart, ", "))
	// The server goes on with what it was started with, and says so each time.
	apis, credentials, logLevel := next.APIs, next.Credentials, next.Log.Level
	next.configFile = old.configFile
	next.APIs, next.Credentials, next.Log.Level = apis, credentials, logLevel
	return nil
}

// registered reports whether a config file has an API like this one.
func registered(in *config, api *request.API) (bool, error) {
	i := slices.IndexFunc(in.apis, func(a *request.API) bool { return a.ID == api.ID })
	if i < 0 {
		return false, nil
	}
	was, err := json.Marshal(in.apis[i])
	if err != nil {
		return false, fmt.Errorf("comparing API %s: %w", api.ID, err)
	}
	is, err := json.Marshal(api)
	if err != nil {
		return false, fmt.Errorf("comparing API %s: %w", api.ID, err)
	}
	return bytes.Equal(was, is), nil
}

// needRestart names the settings that differ and that only a start reads.
func needRestart(old, next *configFile) (names []string) {
	was, is := reflect.ValueOf(*old), reflect.ValueOf(*next)
	for i := range was.NumField() {
		name, _, _ := strings.Cut(was.Type().Field(i).Tag.Get("yaml"), ",")
		switch name {
		case "apis":
			for id := range old.APIs {
				if _, there := next.APIs[id]; !there {
					names = append(names, "apis."+id+" (bailey api delete "+id+" removes it at once)")
				}
			}
		case "credentials":
		case "log":
			if old.Log.Format != next.Log.Format {
				names = append(names, "log.format")
			}
		default:
			if !reflect.DeepEqual(was.Field(i).Interface(), is.Field(i).Interface()) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}
