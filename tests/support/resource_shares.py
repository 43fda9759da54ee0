"""Resource Access Manager as far as gatewatch asks it."""

# ruff: noqa: N803  the names are those of AWS


def share(group_id, *principals, status="ASSOCIATED", account="111122223333", region="eu-west-1", number=1):
    """The associations of a share that holds one security group."""
    arn = f"arn:aws:ram:{region}:{account}:resource-share/{number}"
    group = f"arn:aws:ec2:{region}:{account}:security-group/{group_id}"
    entities = [("RESOURCE", group), *(("PRINCIPAL", each) for each in principals)]
    return [
        {"resourceShareArn": arn, "associatedEntity": entity, "associationType": kind, "status": status}
        for kind, entity in entities
    ]


class Ram:
    """Answers with two pages, the first of which is empty, as it may be (API reference)."""

    def __init__(self, *associations, error=None):
        self.associations, self.error, self.requests = associations, error, []

    def get_paginator(self, operation):
        assert operation == "get_resource_share_associations"
        return self

    def paginate(self, *, associationType, resourceArn=None):
        self.requests.append((associationType, resourceArn))
        if self.error:
            raise self.error
        yield {"resourceShareAssociations": []}
        found = [each for each in self.associations if each["associationType"] == associationType]
        yield {
            "resourceShareAssociations": [
                each for each in found if resourceArn is None or each["associatedEntity"] == resourceArn
            ]
        }
