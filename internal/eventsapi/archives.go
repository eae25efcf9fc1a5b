package eventsapi

import (
	"context"

	"bailey/internal/awsjson"
	"bailey/internal/rule"
)

type createArchiveInput struct {
	ArchiveName      string
	EventSourceArn   string
	Description      string
	EventPattern     string
	KmsKeyIdentifier string
	RetentionDays    int
}

// archiveAnswer is what CreateArchive and UpdateArchive answer.
type archiveAnswer struct {
	ArchiveArn   string
	State        rule.ArchiveState
	CreationTime awsjson.Time
}

func (a *api) archiveAnswer(archive *rule.Archive) *archiveAnswer {
	return &archiveAnswer{
		ArchiveArn:   a.rules.ArchiveARN(archive.Region, archive.Name),
		State:        archive.State(),
		CreationTime: awsjson.Time{Time: archive.Created},
	}
}

func (a *api) createArchive(ctx context.Context, c *awsjson.Call, in *createArchiveInput) (*archiveAnswer, error) {
	archive, err := a.rules.CreateArchive(ctx, rule.Archive{
		Region:           c.Region,
		Name:             in.ArchiveName,
		Description:      in.Description,
		EventPattern:     in.EventPattern,
		KmsKeyIdentifier: in.KmsKeyIdentifier,
		RetentionDays:    in.RetentionDays,
	}, in.EventSourceArn)
	if err != nil {
		return nil, err
	}
	return a.archiveAnswer(archive), nil
}

type updateArchiveInput struct {
	ArchiveName string
	rule.ArchiveChange
}

func (a *api) updateArchive(ctx context.Context, c *awsjson.Call, in *updateArchiveInput) (*archiveAnswer, error) {
	archive, err := a.rules.UpdateArchive(ctx, c.Region, in.ArchiveName, in.ArchiveChange)
	if err != nil {
		return nil, err
	}
	return a.archiveAnswer(archive), nil
}

type archiveNameInput struct{ ArchiveName string }

func (a *api) deleteArchive(ctx context.Context, c *awsjson.Call, in *archiveNameInput) (*none, error) {
	return new(none), a.rules.DeleteArchive(ctx, c.Region, in.ArchiveName)
}

// archiveListed is an archive in a list; archiveDescribed is all of it.
type archiveListed struct {
	ArchiveName    string
	EventSourceArn string
	State          rule.ArchiveState
	StateReason    string `json:",omitempty"`
	RetentionDays  int
	SizeBytes      int64
	EventCount     int64
	CreationTime   awsjson.Time
}

type archiveDescribed struct {
	ArchiveArn string
	archiveListed
	Description      string `json:",omitempty"`
	EventPattern     string `json:",omitempty"`
	KmsKeyIdentifier string `json:",omitempty"`
}

func (a *api) archiveListed(ctx context.Context, archive *rule.Archive) (archiveListed, error) {
	events, size, err := a.events.ArchiveTotals(ctx, archive)
	return archiveListed{
		ArchiveName:    archive.Name,
		EventSourceArn: a.rules.BusARN(archive.Region, archive.Bus),
		State:          archive.State(),
		StateReason:    archive.Disabled,
		RetentionDays:  archive.RetentionDays,
		SizeBytes:      size,
		EventCount:     events,
		CreationTime:   awsjson.Time{Time: archive.Created},
	}, err
}

func (a *api) describeArchive(ctx context.Context, c *awsjson.Call, in *archiveNameInput) (*archiveDescribed, error) {
	archive, err := a.rules.Archive(c.Region, in.ArchiveName)
	if err != nil {
		return nil, err
	}
	listed, err := a.archiveListed(ctx, archive)
	if err != nil {
		return nil, err
	}
	return &archiveDescribed{
		ArchiveArn:       a.rules.ArchiveARN(archive.Region, archive.Name),
		archiveListed:    listed,
		Description:      archive.Description,
		EventPattern:     archive.EventPattern,
		KmsKeyIdentifier: archive.KmsKeyIdentifier,
	}, nil
}

// filters are those of ListArchives and ListReplays.
type filters struct {
	NamePrefix     string
	EventSourceArn string
	State          string
}

// check refuses more than one filter, for the operation.
func (f filters) check(operation string) error {
	given := 0
	for _, filter := range []string{f.NamePrefix, f.EventSourceArn, f.State} {
		if filter != "" {
			given++
		}
	}
	if given > 1 {
		return invalid("At most one filter is allowed for " + operation + ". Use either : State, EventSourceArn, or NamePrefix.")
	}
	return nil
}

type listArchivesInput struct {
	filters
	page
}

type listArchivesOutput struct {
	Archives  []archiveListed
	NextToken string `json:",omitempty"`
}

func (a *api) listArchives(ctx context.Context, c *awsjson.Call, in *listArchivesInput) (*listArchivesOutput, error) {
	if err := in.check(c.Operation); err != nil {
		return nil, err
	}
	archives, next, err := a.rules.Archives(c.Region, in.NamePrefix, rule.ArchiveState(in.State), in.EventSourceArn, in.page.page())
	if err != nil {
		return nil, err
	}
	out := &listArchivesOutput{Archives: []archiveListed{}, NextToken: next}
	for _, archive := range archives {
		listed, err := a.archiveListed(ctx, archive)
		if err != nil {
			return nil, err
		}
		out.Archives = append(out.Archives, listed)
	}
	return out, nil
}
