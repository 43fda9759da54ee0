"""Services that watch: AWS Config, GuardDuty, Security Hub, Macie, Inspector, Access Analyzer, Detective."""

from __future__ import annotations

from gatewatch.events.changes.detection import (
    OFF,
    Table,
    archives,
    by_word,
    detector,
    enable_detector,
    recorder,
    row_of,
    rows_of_service,
    standards,
    start_recorder,
    threat_list,
)
from gatewatch.model.resource import Impact

_X, _R, _ON, _SET = (
    Impact.DISABLED,
    Impact.REDUCED,
    Impact.RESTORED,
    Impact.SETTING_CHANGED,
)
_RECORDER = "configurationrecordername configurationrecorder.name configurationrecorderarn serviceprincipal"
_MEMBERS = "detectorid accountids accountid id adminaccountid"
_LEAVES = "DisassociateFromAdministratorAccount DisassociateFromMasterAccount DeleteMembers DisassociateMembers"

CALL_SPECS: Table = {
    **rows_of_service(
        "config",
        ("StopConfigurationRecorder", row_of(_X, "config_recorder", _RECORDER, undo=start_recorder)),
        ("DeleteConfigurationRecorder DisassociateResourceTypes", row_of(_X, "config_recorder", _RECORDER)),
        ("DeleteServiceLinkedConfigurationRecorder", row_of(_X, "config_recorder", _RECORDER)),
        ("PutConfigurationRecorder", row_of(recorder, "config_recorder", _RECORDER, is_optional=True, worst=_X)),
        ("StartConfigurationRecorder", row_of(_ON, "config_recorder", _RECORDER)),
        ("DeleteDeliveryChannel", row_of(_X, "delivery_channel", "deliverychannelname")),
        ("PutDeliveryChannel", row_of(_SET, "delivery_channel", "deliverychannel.name", is_optional=True)),
        ("DeleteConfigRule DeleteEvaluationResults", row_of(_R, "config_rule", "configrulename")),
        ("DeleteRemediationConfiguration", row_of(_R, "config_rule", "configrulename")),
        ("DeleteOrganizationConfigRule", row_of(_R, "config_rule", "organizationconfigrulename")),
        ("DeleteConformancePack", row_of(_R, "conformance_pack", "conformancepackname")),
        ("DeleteOrganizationConformancePack", row_of(_R, "conformance_pack", "organizationconformancepackname")),
        ("DeleteRetentionConfiguration", row_of(_SET, "config_recorder", "retentionconfigurationname")),
        ("DeleteConfigurationAggregator", row_of(_R, "config_aggregator", "configurationaggregatorname")),
    ),
    **rows_of_service(
        "guardduty",
        ("DeleteDetector", row_of(_X, "detector", "detectorid")),
        ("UpdateDetector", row_of(detector, "detector", "detectorid", undo=enable_detector, worst=_X)),
        ("UpdateMemberDetectors UpdateOrganizationConfiguration", row_of(detector, "detector", _MEMBERS, worst=_X)),
        (_LEAVES, row_of(_X, "detector", _MEMBERS)),
        ("StopMonitoringMembers DisableOrganizationAdminAccount", row_of(_X, "detector", _MEMBERS)),
        ("CreateFilter UpdateFilter", row_of(archives, "detector", "detectorid name filtername", worst=_X)),
        ("CreateIPSet UpdateIPSet", row_of(_X, "detector", "detectorid name ipsetid")),
        ("DeleteThreatIntelSet DeletePublishingDestination ArchiveFindings", row_of(_R, "detector", "detectorid")),
        ("CreateThreatIntelSet", row_of(_SET, "detector", "detectorid name")),
        ("UpdateThreatIntelSet", row_of(threat_list, "detector", "detectorid threatintelsetid", worst=_R)),
        ("DeleteInvitations", row_of(_SET, "detector", "accountids")),
        ("DeleteMalwareProtectionPlan", row_of(_R, "detector", "malwareprotectionplanid")),
        ("CreateDetector StartMonitoringMembers", row_of(_ON, "detector", "detectorid", is_optional=True)),
    ),
    **rows_of_service(
        "securityhub",
        ("DisableSecurityHub DisableSecurityHubV2", row_of(_X, "security_hub")),
        ("EnableSecurityHub EnableSecurityHubV2", row_of(_ON, "security_hub")),
        ("BatchDisableStandards", row_of(_X, "security_standard", "standardssubscriptionarns")),
        ("BatchEnableStandards", row_of(_ON, "security_standard", "standardssubscriptionrequests.standardsarn")),
        (_LEAVES, row_of(_X, "security_hub", "accountids", is_optional=True)),
        ("DisableOrganizationAdminAccount", row_of(_X, "security_hub", "adminaccountid")),
        (
            "UpdateStandardsControl",
            row_of(by_word("controlstatus", OFF, Impact.REDUCED), "security_standard", "standardscontrolarn"),
        ),
        ("BatchUpdateStandardsControlAssociations", row_of(standards, "security_hub")),
        ("DisableImportFindingsForProduct", row_of(_R, "security_hub", "productsubscriptionarn")),
        ("CreateAutomationRule CreateAutomationRuleV2", row_of(_R, "security_hub", "rulename")),
        ("DeleteInsight UpdateInsight", row_of(_R, "security_hub", "insightarn")),
        ("DeleteActionTarget", row_of(_R, "security_hub", "actiontargetarn")),
        ("DeleteFindingAggregator", row_of(_R, "security_hub", "findingaggregatorarn")),
    ),
    **rows_of_service(
        "macie2",
        ("DisableMacie", row_of(_X, "macie")),
        ("EnableMacie", row_of(_ON, "macie")),
        ("UpdateMacieSession", row_of(by_word("status", OFF), "macie", worst=_X)),
        ("DisassociateFromAdministratorAccount DisassociateFromMasterAccount", row_of(_X, "macie")),
        ("DisassociateMember DeleteMember", row_of(_X, "macie", "id")),
        ("DisableOrganizationAdminAccount", row_of(_X, "macie", "adminaccountid")),
    ),
    **rows_of_service(
        "inspector2",
        ("Disable", row_of(_X, "inspector", "accountids", is_optional=True)),
        ("DisableDelegatedAdminAccount", row_of(_X, "inspector", "delegatedadminaccountid")),
        ("DisassociateMember", row_of(_X, "inspector", "accountid")),
        ("Enable", row_of(_ON, "inspector", "accountids", is_optional=True)),
        ("CreateFilter UpdateFilter", row_of(archives, "inspector", "name filterarn", worst=_X)),
    ),
    **rows_of_service(
        "access-analyzer",
        ("DeleteAnalyzer", row_of(_X, "analyzer", "analyzername")),
        ("CreateArchiveRule", row_of(_R, "analyzer", "analyzername")),
    ),
    **rows_of_service(
        "detective",
        ("DeleteGraph DisassociateMembership DeleteMembers", row_of(_X, "detective", "grapharn", is_optional=True)),
    ),
}
